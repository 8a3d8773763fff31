"""The commands of `headrace`, grouped by what they are about: their arguments, options and help."""
