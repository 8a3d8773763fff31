// The only place that imports uPlot. Charts load this file after the page has been painted, so that it is in no first load.
import "uplot/dist/uPlot.min.css";

export { default } from "uplot";
