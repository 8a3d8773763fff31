const PATTERN_CHARS_MAX = 2_000;
const TEXT_CHARS_MAX = 10_000;
// Repeats within a repeat, and alternatives that are repeated, can take a time that doubles with each character of the text.
const MAY_TAKE_LONG = /[+*}]\??\)+[+*{]|\|[^()]*\)[+*{]/u;

const compiled = new Map<string, RegExp | null>();
const COMPILED_MAX = 500;

/** Whether a text has a pattern. Yes, too, where this cannot be told here, or not in a time that is known: the server tells then. */
export function matches(pattern: string, text: string): boolean {
  if (text.length > TEXT_CHARS_MAX) return true;
  let expression = compiled.get(pattern);
  if (expression === undefined) {
    if (compiled.size >= COMPILED_MAX) compiled.clear();
    compiled.set(pattern, (expression = compile(pattern)));
  }
  return expression === null || expression.test(text);
}

function compile(pattern: string): RegExp | null {
  if (pattern.length > PATTERN_CHARS_MAX || MAY_TAKE_LONG.test(pattern)) return null;
  try {
    return new RegExp(pattern, "u");
  } catch {
    return null;
  }
}
