/** Return a command that makes a first schedule at the API of an address. It fires after half a minute, so that one sees it. */
export function exampleCommand(url: string): string {
  return `headrace schedules add text_feedback --url ${url} --every 30s --name "Every half minute" \\\n  --input '{"text": "This is is a smal essay."}'`;
}
