import { DataError, describeValue, parseJson, quote } from "@mmgen/core";
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
 * A column `caption` counts as `text`. Other columns are ignored. Lines end with LF, CR LF or CR; a byte order mark at the
 * beginning is left out.
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
        `${name}, line ${line}: expected "file_name" and "text" (or "caption") as text, got ${describeValue(record)}.`,
      );
    }
    return { file, caption, line };
  });
}

/** Characters of one row, its name and other columns among them. */
const maxRow = 2 ** 20;
const maxColumns = 1000;

interface NumberedRecord {
  readonly record: Readonly<Record<string, unknown>>;
  readonly line: number;
}

function parseCsv(text: string, name: string): NumberedRecord[] {
  try {
    const rows: { record: Record<string, string>; info: { lines: number } }[] = parse(text, {
      bom: true,
      columns: checkColumns,
      info: true,
      max_record_size: maxRow,
      record_delimiter: ["\r\n", "\n", "\r"],
      skip_empty_lines: true,
    });
    return rows.map(({ record, info }) => ({ record, line: info.lines }));
  } catch (error) {
    throw new DataError(`${name}: not readable as CSV (${(error as Error).message}).`, { cause: error });
  }
}

function checkColumns(header: readonly string[]): string[] {
  if (header.length > maxColumns) {
    throw new DataError(`expected at most ${maxColumns} columns, got ${header.length}`);
  }
  const twice = header.find((column, i) => column !== "" && header.indexOf(column) < i);
  if (twice !== undefined) {
    throw new DataError(`two columns are called ${quote(twice)}`);
  }
  return [...header];
}

function parseJsonLines(text: string, name: string): NumberedRecord[] {
  return text
    .replace(/^\ufeff/, "")
    .split(/\r\n|\n|\r/)
    .flatMap((content, i) => {
      const where = `${name}, line ${i + 1}`;
      if (content.length > maxRow) {
        throw new DataError(`${where}: expected at most ${maxRow} characters, got ${content.length}.`);
      }
      if (content.trim() === "") {
        return [];
      }
      const { value: record, problem } = parseJson(content);
      if (problem !== undefined) {
        throw new DataError(`${where}: ${problem}.`);
      }
      if (typeof record !== "object" || record === null || Array.isArray(record)) {
        throw new DataError(`${where}: expected an object a line, got ${describeValue(record)}.`);
      }
      return [{ record: record as Record<string, unknown>, line: i + 1 }];
    });
}
