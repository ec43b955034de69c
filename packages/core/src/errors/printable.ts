/** Everything that could break a line, move the cursor or turn the direction of a text. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text with its unprintable characters as `\u001b`. */
export function escapeUnprintable(text: string): string {
  return text.replace(unprintable, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`);
}

/** The first `length` characters, the last of them `…` where there are more. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/**
 * A name or text from outside as an error message quotes it: in quotes, at most 200 characters, without unprintable ones.
 * Values of any type, with their type: `describeValue`.
 */
export function quote(text: string): string {
  return cut(escapeUnprintable(JSON.stringify(text.slice(0, maxQuoted))), maxQuoted);
}

export const maxQuoted = 200;

/** A whole message on one line, without unprintable characters, and not endless. */
export function printableMessage(message: unknown): string {
  const text = String(message);
  return cut(escapeUnprintable(text.slice(0, maxMessage + 1).replace(/\s*[\r\n]+\s*/g, " ")), maxMessage);
}

/** Longer than any message of ours; a message may hold a path and several values of at most 200 characters. */
const maxMessage = 4000;
