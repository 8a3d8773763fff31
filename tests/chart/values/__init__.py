"""The values of the chart, a Struct for each section: the one place that says what there is, what it means and what is allowed.

`values.yaml`, `values.schema.json` and the table in the chart's README are made from it by `just openapi`.
"""
