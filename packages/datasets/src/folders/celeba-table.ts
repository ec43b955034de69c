import { stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { type AttributeTable, DataError, describeValue, type Limits, nearestWords, quote } from "@mmgen/core";
import { readFileText } from "@mmgen/core/node";
import { celebaAttributeNames, celebaTable } from "../captions/celeba-captions.js";
import type { FolderListing } from "./list-image-folder.js";

const tableNames = ["list_attr_celeba.txt", "list_attr_celeba.csv"];
const imageFolderName = /^img_align_celeba(_png)?$/i;

/**
 * Finds CelebA's table of attributes: in the folder, or beside it where it is called `img_align_celeba`, as the data set's
 * own folder of images is, or lies in one of that name.
 *
 * @returns Its path; undefined where there is none.
 */
export async function findCelebaTable(folder: string, { others }: Pick<FolderListing, "others">) {
  const within = tableNames.find((name) => others.includes(name));
  if (within !== undefined) {
    return join(folder, within);
  }
  for (let at = resolve(folder); imageFolderName.test(basename(at)); at = dirname(at)) {
    for (const name of tableNames) {
      const path = join(dirname(at), name);
      if (
        await stat(path).then(
          (found) => found.isFile(),
          () => false,
        )
      ) {
        return path;
      }
    }
  }
  return undefined;
}

/**
 * Reads the attributes of a folder's images from CelebA's table. Rows of images that are not in the folder are passed over.
 *
 * @param images - Paths relative to the folder; the table has them, or their names alone.
 * @returns One row an image, in that order.
 * @throws a {@link DataError} naming the line that is wrong, or the images without a row.
 */
export async function readCelebaTable(
  path: string,
  images: readonly string[],
  limits: Pick<Limits, "textBytes">,
): Promise<AttributeTable> {
  return parseCelebaTable(
    await readFileText(path, "table of attributes", { maxBytes: limits.textBytes }),
    path,
    images,
  );
}

/** {@link readCelebaTable}, of the table's text. */
export function parseCelebaTable(text: string, path: string, images: readonly string[]): AttributeTable {
  const lines = text.split(/\r\n|\n|\r/);
  const { count, header } = readHeader(lines, path);
  const columns = orderOfColumns(lines[header]!, `${path}, line ${header + 1}`);
  const width = columns.length;
  const rowOf = rowFinder(images);
  const labels = new Int32Array(images.length * width);
  const lineOf = new Int32Array(images.length);
  let rows = 0;
  for (let line = header + 1; line < lines.length; line++) {
    const where = `${path}, line ${line + 1}`;
    const [name, ...values] = split(lines[line]!, where);
    if (name === undefined) {
      continue;
    }
    rows++;
    const row = rowOf(name, where);
    if (row === undefined) {
      continue;
    }
    if (lineOf[row] !== 0) {
      throw new DataError(`${where}: ${quote(name)} has a row already, line ${lineOf[row]}.`);
    }
    lineOf[row] = line + 1;
    readValues(values, where).forEach((label, i) => {
      labels[row * width + columns[i]!] = label;
    });
  }
  if (count !== undefined && count !== rows) {
    throw new DataError(`${path}: its first line promises ${count} rows, and it has ${rows}. It is cut or was edited.`);
  }
  checkComplete(lineOf, images, path);
  return celebaTable(labels);
}

/** Of the text file the first line is the number of rows, the second has the names; of CSV the first has the names. */
function readHeader(lines: readonly string[], path: string): { count: number | undefined; header: number } {
  const first = lines[0]!.replace(/^\ufeff/, "").trim();
  return /^\d{1,15}$/.test(first) && !path.endsWith(".csv")
    ? { count: Number(first), header: 1 }
    : { count: undefined, header: 0 };
}

/** For each of the file's columns the attribute that is in it. */
function orderOfColumns(line: string | undefined, where: string): number[] {
  const names = split((line ?? "").replace(/^\ufeff/, ""), where);
  // CSV has a name for the column of the images too.
  const given = names.length === celebaAttributeNames.length + 1 ? names.slice(1) : names;
  const columns = given.map((name) => celebaAttributeNames.indexOf(name));
  const unknown = given.find((_, i) => columns[i]! < 0);
  if (unknown !== undefined) {
    const [nearest] = nearestWords(unknown.slice(0, 100), celebaAttributeNames, 1);
    throw new DataError(
      `${where}: expected the names of CelebA's ${celebaAttributeNames.length} attributes, got ${quote(unknown)}` +
        `${nearest === undefined ? "" : `; is it ${nearest}?`}.`,
    );
  }
  if (columns.length !== celebaAttributeNames.length || new Set(columns).size !== columns.length) {
    throw new DataError(
      `${where}: expected the names of CelebA's ${celebaAttributeNames.length} attributes, each once, got ${columns.length} names, ` +
        `${new Set(columns).size} of them different.`,
    );
  }
  return columns;
}

function readValues(values: readonly string[], where: string): number[] {
  if (values.length !== celebaAttributeNames.length) {
    throw new DataError(
      `${where}: expected ${celebaAttributeNames.length} values after the image's name, got ${values.length}.`,
    );
  }
  return values.map((value) => {
    if (!/^(-1|0|1)$/.test(value)) {
      throw new DataError(`${where}: expected values of 1 for yes and -1 for no, got ${describeValue(value)}.`);
    }
    return value === "1" ? 1 : 0;
  });
}

/** Finds the image that a row is of: the one of exactly that path, else the only one of that name. */
function rowFinder(images: readonly string[]): (name: string, where: string) => number | undefined {
  const byPath = new Map(images.map((image, row) => [image, row]));
  const byName = new Map<string, number[]>();
  for (const [row, image] of images.entries()) {
    const name = posix.basename(image);
    const rows = byName.get(name);
    if (rows === undefined) {
      byName.set(name, [row]);
    } else {
      rows.push(row);
    }
  }
  return (name, where) => {
    const rows = byName.get(name) ?? [];
    const row = byPath.get(name.replace(/^\.\//, ""));
    if (row === undefined && rows.length > 1) {
      throw new DataError(
        `${where}: ${quote(name)} is the name of ${rows.length} images. Load their folders one by one.`,
      );
    }
    return row ?? rows[0];
  };
}

function checkComplete(lineOf: Int32Array, images: readonly string[], path: string): void {
  const missing = images.filter((_, row) => lineOf[row] === 0);
  if (missing.length > 0) {
    const shown = missing.slice(0, 3).join(", ");
    throw new DataError(
      `${path}: ${missing.length} of ${images.length} images have no row (${shown}${missing.length > 3 ? ", …" : ""}). ` +
        "Add rows, or move the images elsewhere.",
    );
  }
}

/** Characters of one row. */
const maxRow = 2 ** 16;

function split(line: string, where: string): string[] {
  if (line.length > maxRow) {
    throw new DataError(`${where}: expected at most ${maxRow} characters, got ${line.length}.`);
  }
  return line.split(/[\s,]+/).filter((field) => field !== "");
}
