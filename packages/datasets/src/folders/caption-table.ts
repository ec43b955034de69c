import { DataError } from "@mmgen/core";
import { parse } from "csv-parse/sync";

/** A row of a table of captions. */
export interface CaptionRow {
  /** Path of the image, as the table has it. */
  readonly file: string;
  readonly caption: string;
  /** Counted from 1, for messages. */
  readonly line: number;
}

/**
 * Parses a table of captions: JSON lines, `{"file_name": "a.png", "text": "a cat"}`, or CSV with a header of these names.
 *
 * A column `caption` counts as `text`. Other columns are ignored.
 *
 * @param name - The file's path; its ending (`.jsonl` or `.csv`) decides the format.
 * @throws a {@link DataError} naming file and line when a row is not of that form.
 */
export function parseCaptionTable(text: string, name: string): CaptionRow[] {
  const records = name.endsWith(".csv") ? parseCsv(text, name) : parseJsonLines(text, name);
  return records.map(({ record, line }) => {
    const file = record.file_name;
    const caption = record.text ?? record.caption;
    if (typeof file !== "string" || typeof caption !== "string") {
      throw new DataError(
        `${name}, line ${line}: expected "file_name" and "text" (or "caption") as text, got ${Object.keys(record).join(", ") || "nothing"}.`,
      );
    }
    return { file, caption, line };
  });
}

interface NumberedRecord {
  readonly record: Readonly<Record<string, unknown>>;
  readonly line: number;
}

function parseCsv(text: string, name: string): NumberedRecord[] {
  try {
    const rows: { record: Record<string, string>; info: { lines: number } }[] = parse(text, {
      bom: true,
      columns: true,
      info: true,
      skip_empty_lines: true,
    });
    return rows.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    throw new DataError(`${name}: not readable as CSV (${(error as Error).message}).`, { cause: error });
  }
}

function parseJsonLines(text: string, name: string): NumberedRecord[] {
  return text.split(/\r?\n/).flatMap((content, i) => {
    if (content.trim() === "") {
      return [];
    }
    let record: unknown;
    try {
      record = JSON.parse(content);
    } catch (error) {
      throw new DataError(`${name}, line ${i + 1}: not readable as JSON (${(error as Error).message}).`, {
        cause: error,
      });
    }
    if (typeof record !== "object" || record === null || Array.isArray(record)) {
      throw new DataError(`${name}, line ${i + 1}: expected an object a line, got ${content.slice(0, 40)}.`);
    }
    return [{ record: record as Record<string, unknown>, line: i + 1 }];
  });
}
