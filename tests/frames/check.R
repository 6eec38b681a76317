# Reads a CSV file without options and writes a line per column: its name, its class,
# and its values, text as the hexadecimal digits of its bytes, a missing value as NA.
path <- commandArgs(trailingOnly = TRUE)[1]
frame <- read.csv(path)
shown <- function(value) {
  if (is.na(value)) "NA"
  else if (is.character(value)) paste0("x", paste(charToRaw(value), collapse = ""))
  else if (is.numeric(value)) sprintf("%.17g", value)
  else as.character(value)
}
for (name in names(frame)) {
  column <- frame[[name]]
  values <- vapply(seq_along(column), function(i) shown(column[i]), "")
  cat(paste(c(name, class(column), values), collapse = "\t"), "\n", sep = "")
}
