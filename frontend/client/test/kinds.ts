// What kinds of task take and give, made by `headrace types --ts`. Make it anew instead of changing it.

/**
 * One ZIP archive of up to 10,000 files, or of the results of a batch and all files that its tasks have saved.
 *
 * The files keep their names, as far as every system can unpack them: what is not allowed in a name becomes _, and a second
 * report.pdf becomes report (2).pdf. Those of a batch are in a folder for each task. When one of the files is gone, there is no archive.
 */
export interface Archive {
  /** The files, in the order of the archive. */
  files?: string[] | null;
  /** What the archive is called. */
  name?: string;
  /** The results of a batch, see `results_of` of a submission. */
  results?: string | null;
}

/**
 * ``file`` is the archive, of ``size`` bytes. ``content_bytes`` are those of its files before compression.
 *
 * ``renamed`` has the first 1,000 files that are called otherwise in the archive.
 */
export interface Archived {
  file: string;
  name: string;
  size: number;
  files: number;
  content_bytes: number;
  renamed: Renamed[];
}

/** How many values are at least ``lower`` and less than ``upper``; in the last bin, at most ``upper``. */
export interface Bin {
  lower: number;
  upper: number;
  count: number;
}

/**
 * One column.
 *
 * ``nulls`` are empty cells, and in columns other than text also NA, NaN, null and the like. ``min`` and ``max`` of text
 * are by code point, shortened; dates are in ISO 8601, with an offset in UTC; integers beyond 2^53 are text. ``mean`` is
 * for numbers, and for booleans the share that is true. ``quantiles`` and ``histogram`` are for numbers. A number that is
 * too large for a float is null. ``periods`` are a histogram of dates. ``frequent`` are the most frequent values of texts and
 * booleans, unless no value occurs twice or, of more than a million rows, there are too many different ones. Of lists, structures and bytes, which are ``other``, only what is missing is counted.
 * ``estimated`` says that ``distinct`` and ``quantiles`` are estimates, as they are of more than a million rows.
 */
export interface Column {
  name: string;
  type: "boolean" | "date" | "datetime" | "float" | "integer" | "other" | "text";
  nulls: number;
  distinct: number;
  min?: boolean | number | string | null;
  max?: boolean | number | string | null;
  mean?: number | null;
  quantiles?: Quantiles | null;
  histogram?: Bin[];
  periods?: Period[];
  frequent?: Frequent[];
  estimated?: boolean;
}

/**
 * How long the text is.
 *
 * ``characters`` are Unicode code points, as in the offsets of findings. ``words`` and ``sentences`` leave out addresses
 * and code. Blank lines and fenced code separate ``paragraphs``. ``syllables`` are an estimate.
 */
export interface Counts {
  characters: number;
  words: number;
  sentences: number;
  paragraphs: number;
  syllables: number;
}

/**
 * The text of a PDF, DOCX, HTML, Markdown or plain text file, with its headings, its pages and its language.
 *
 * The text becomes the file text.txt, in UTF-8. A document that is encrypted or broken, or a scan without text, fails and
 * says so. At most 5,000 pages and 10 million characters are read.
 */
export interface Document {
  /** A PDF, DOCX, HTML, Markdown or plain text file. */
  document: string;
  name?: string;
}

/**
 * ``text`` is null when it is long; ``file`` has it in any case.
 *
 * ``pages`` are those of a PDF, or what the program said that saved a DOCX. ``characters`` are Unicode code points.
 * ``language`` is de, en, es, fr, it, nl or pt, or null. ``truncated`` says that the document has more than was read.
 */
export interface DocumentText {
  format: "docx" | "html" | "markdown" | "pdf" | "text";
  pages: number | null;
  characters: number;
  words: number;
  language: string | null;
  outline: Heading[];
  truncated: boolean;
  file: string;
  text: string | null;
}

/** Some text. */
export interface EchoInThreadInputText {
  text: string;
}

/** Some text. */
export interface EchoInputText {
  text: string;
}

export interface Echoed {
  text: string;
  attempt: number;
  thread: boolean;
}

/** A place to look at again; ``text`` is ``input.text[start:end]``, counted in Unicode code points. */
export interface Finding {
  rule: "long_sentence" | "repeated_word" | "spelling";
  start: number;
  end: number;
  text: string;
  message: string;
  suggestions: string[];
}

/** A value, shortened, and how often it occurs. */
export interface Frequent {
  value: string;
  count: number;
}

/** The name of a file to wait for. */
export interface Gate {
  name: string;
}

/** A heading or a bookmark; ``level`` counts from 1, ``page`` too. */
export interface Heading {
  level: number;
  title: string;
  page?: number | null;
}

/**
 * Smaller copies of a JPEG, PNG, WebP or AVIF image, at several widths and in several formats.
 *
 * The copies stand upright, have the colours of sRGB and no metadata: no place, no camera, no date. An image is never made
 * larger. Of an animation the first frame is used. At most 100 million pixels are decoded.
 */
export interface Image {
  /** A JPEG, PNG, WebP or AVIF image. */
  image: string;
  /** Widths in pixels. */
  widths?: number[];
  /** Every width is written in each of these. */
  formats?: ("avif" | "jpeg" | "png" | "webp")[];
  /** From 1 (small) to 100 (like the original). Empty: what suits photos. PNG loses nothing. */
  quality?: number | null;
  name?: string;
}

/** ``width`` and ``height`` are those of the original, upright; ``frames`` is more than 1 for an animation. */
export interface ImageVariants {
  format: string;
  width: number;
  height: number;
  frames: number;
  variants: Variant[];
}

/** No input. */
export type Nothing = { [key: string]: never };

/** How many dates are at least ``lower`` and before ``upper``; in the last period, at most ``upper``. */
export interface Period {
  lower: string;
  upper: string;
  count: number;
}

/** Quantiles, interpolated linearly between the nearest values (type 7 of Hyndman and Fan, 1996). */
export interface Quantiles {
  p05: number | null;
  p25: number | null;
  p50: number | null;
  p75: number | null;
  p95: number | null;
}

/**
 * Readability formulas; null for a text without words. Those made for English are null for other languages.
 *
 * The first counts from 0 (hard) to 100 (easy), the next five in years of school in the United States, and the last two
 * from about 20 and 1 (easy) to 60 and 7 (hard).
 */
export interface Readability {
  flesch_reading_ease?: number | null;
  flesch_kincaid_grade?: number | null;
  gunning_fog?: number | null;
  smog?: number | null;
  coleman_liau?: number | null;
  automated_readability_index?: number | null;
  lix?: number | null;
  rix?: number | null;
}

/** A file that has another name in the archive. */
export interface Renamed {
  file: string;
  name: string;
}

/**
 * A PDF about a table or a batch: a title page, contents, plots, and tables with a head on every page.
 *
 * Of a table, as table_profile describes it in its profile.json, it has an overview, what is missing, and a plot of each column;
 * of a batch the states, the durations, what failed, and the first 2,000 results.
 */
export interface Report {
  /** The profile.json that a table_profile has saved. */
  profile?: string | null;
  /** The results of a batch, see `results_of` of a submission. */
  results?: string | null;
  /** What stands on the title page. */
  title?: string;
  /** For whom it is; stands on the title page. */
  author?: string;
  paper?: "a4" | "letter";
  language?: "de" | "en";
}

/** ``file`` is the PDF, of ``size`` bytes. */
export interface Reported {
  file: string;
  name: string;
  size: number;
  pages: number;
}

/** So many steps, each of which waits for a while and does nothing else. */
export interface Steps {
  /** How many steps there are. */
  steps?: number;
  /** How long each takes, in seconds. */
  seconds?: number;
  /** How many attempts fail half-way. There are three in all. */
  lost?: number;
  name?: string;
}

/** ``attempt`` is the one that has come to the end, counted from 1. */
export interface StepsDone {
  steps: number;
  attempt: number;
}

/**
 * Types, missing values, ranges, quantiles and histograms of the columns of a table.
 *
 * The table is a CSV text, or a file: CSV in UTF-8, Parquet, or the first sheet of an XLSX, up to 2 GB. The first line names
 * the columns. Commas, semicolons, tabs or | separate them, whichever the first line has most of. Of a file there is also a
 * report in HTML, the profile in JSON, and a copy in Parquet.
 */
export interface Table {
  /** A table as text. */
  csv?: string | null;
  name?: string;
  /** A table as CSV, Parquet or XLSX. */
  file?: string | null;
}

/**
 * ``columns`` are in the order of the table, at most 200 of the ``columns_total``.
 *
 * ``name`` is what the table is called, empty for a text without a name. ``delimiter`` is empty for Parquet and XLSX.
 * ``report``, ``profile`` and ``parquet`` are files that were made of a file; there is no copy of what is Parquet already.
 */
export interface TableProfile {
  name?: string;
  rows: number;
  columns_total: number;
  delimiter: string;
  columns: Column[];
  report?: string | null;
  profile?: string | null;
  parquet?: string | null;
}

/** ``findings`` are in the order of the text; ``truncated`` says that there are more than these. */
export interface TextFeedback {
  language: "de" | "en" | "es" | "fr" | "it" | "nl" | "pt";
  counts: Counts;
  readability: Readability;
  findings: Finding[];
  truncated: boolean;
}

/** Counts, readability, spelling, repeated words and over-long sentences of a text, given here or as a file in UTF-8. */
export interface TextFeedbackInputText {
  text?: string | null;
  language?: "de" | "en" | "es" | "fr" | "it" | "nl" | "pt";
  heading?: string;
  /** A text or Markdown file in UTF-8. */
  file?: string | null;
}

/** One copy; ``size`` is in bytes. */
export interface Variant {
  file: string;
  name: string;
  media_type: string;
  width: number;
  height: number;
  size: number;
}

export interface Kinds {
  /**
   * One ZIP archive of up to 10,000 files, or of the results of a batch and all files that its tasks have saved.
   *
   * The files keep their names, as far as every system can unpack them: what is not allowed in a name becomes _, and a second
   * report.pdf becomes report (2).pdf. Those of a batch are in a folder for each task. When one of the files is gone, there is no archive.
   */
  archive_zip: { input: Archive; result: Archived };
  /** So many steps, each of which waits for a while and does nothing else. */
  demo_steps: { input: Steps; result: StepsDone };
  /**
   * The text of a PDF, DOCX, HTML, Markdown or plain text file, with its headings, its pages and its language.
   *
   * The text becomes the file text.txt, in UTF-8. A document that is encrypted or broken, or a scan without text, fails and
   * says so. At most 5,000 pages and 10 million characters are read.
   */
  document_text: { input: Document; result: DocumentText };
  /** Some text. */
  echo: { input: EchoInputText; result: Echoed };
  /** Some text. */
  echo_in_thread: { input: EchoInThreadInputText; result: Echoed };
  /**
   * Smaller copies of a JPEG, PNG, WebP or AVIF image, at several widths and in several formats.
   *
   * The copies stand upright, have the colours of sRGB and no metadata: no place, no camera, no date. An image is never made
   * larger. Of an animation the first frame is used. At most 100 million pixels are decoded.
   */
  image_variants: { input: Image; result: ImageVariants };
  /** No input. */
  noop: { input: Nothing; result: null };
  /**
   * A PDF about a table or a batch: a title page, contents, plots, and tables with a head on every page.
   *
   * Of a table, as table_profile describes it in its profile.json, it has an overview, what is missing, and a plot of each column;
   * of a batch the states, the durations, what failed, and the first 2,000 results.
   */
  report_pdf: { input: Report; result: Reported | null };
  /**
   * Types, missing values, ranges, quantiles and histograms of the columns of a table.
   *
   * The table is a CSV text, or a file: CSV in UTF-8, Parquet, or the first sheet of an XLSX, up to 2 GB. The first line names
   * the columns. Commas, semicolons, tabs or | separate them, whichever the first line has most of. Of a file there is also a
   * report in HTML, the profile in JSON, and a copy in Parquet.
   */
  table_profile: { input: Table; result: TableProfile };
  /** No input. */
  talk: { input: Nothing; result: string };
  /** Counts, readability, spelling, repeated words and over-long sentences of a text, given here or as a file in UTF-8. */
  text_feedback: { input: TextFeedbackInputText; result: TextFeedback };
  /** The name of a file to wait for. */
  wait: { input: Gate; result: string };
}
