/**
 * Checks the shape of the source tree (docs/architecture.md, "Where things are"), part of `npm run lint`.
 *
 * - A room, that is a folder of source files, holds at most 15 of them; a folder of kernels may hold more.
 * - Rooms are one level deep.
 * - No file is over 300 lines.
 * - No files import each other in a circle, types included.
 * - An example has at most 8 source files; the harness of the examples at most 10 and 900 lines.
 *
 * Tests, fixtures, declarations and generated files do not count as source files; tests keep to the length too.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { repositoryRoot } from "./workspace.mjs";

/** What the checks allow. */
export const limits = { filesInRoom: 15, lines: 300, filesInExample: 8, filesInHarness: 10, linesInHarness: 900 };

/** Folders of many small files of one form, which may be full and deep. */
const exempt = ["kernels", "conformance"];

/**
 * @param {string} [root] - The repository to check.
 * @returns {string[]} One line for each problem, the path first.
 */
export function findStructureProblems(root = repositoryRoot) {
  const problems = [];
  for (const parent of ["packages", "examples", "apps"]) {
    for (const name of listFolders(join(root, parent))) {
      const source = join(root, parent, name, "src");
      const files = listCode(source);
      problems.push(...checkRooms(source, files), ...findCircles(files));
      if (parent === "examples") {
        problems.push(...checkExample(join(root, parent, name), files));
      }
    }
  }
  for (const folder of ["packages", "examples", "apps", "bench", "scripts", "test"]) {
    problems.push(...checkLengths(listCode(join(root, folder))));
  }
  return problems.map((problem) => problem.replaceAll(`${root.replace(/[\\/]$/, "")}${sep}`, ""));
}

function checkRooms(source, files) {
  const problems = [];
  const rooms = groupBy(files.filter(isSource), dirname);
  for (const [room, members] of rooms) {
    const parts = relative(source, room).split(sep).filter(Boolean);
    if (parts.some((part) => exempt.includes(part))) {
      continue;
    }
    if (members.length > limits.filesInRoom) {
      problems.push(`${room}: ${members.length} source files; a room holds at most ${limits.filesInRoom}`);
    }
    if (parts.length > 1) {
      problems.push(`${room}: rooms are one level deep`);
    }
  }
  return problems;
}

function checkExample(path, files) {
  const sources = files.filter(isSource);
  const isHarness = path.endsWith(`${sep}harness`);
  const most = isHarness ? limits.filesInHarness : limits.filesInExample;
  const problems = [];
  if (sources.length > most) {
    problems.push(`${path}: ${sources.length} source files; at most ${most}`);
  }
  const lines = sources.reduce((sum, file) => sum + countLines(file), 0);
  if (isHarness && lines > limits.linesInHarness) {
    problems.push(`${path}: ${lines} lines of source; at most ${limits.linesInHarness}`);
  }
  return problems;
}

function checkLengths(files) {
  return files
    .filter((file) => !file.includes(".generated.") && countLines(file) > limits.lines)
    .map((file) => `${file}: ${countLines(file)} lines; at most ${limits.lines}`);
}

/** Every group of files of a package that import each other in a circle, as one line. */
function findCircles(files) {
  const known = new Set(files);
  const imports = new Map(files.map((file) => [file, readRelativeImports(file).filter((target) => known.has(target))]));
  return stronglyConnected(files, imports)
    .filter((group) => group.length > 1 || imports.get(group[0]).includes(group[0]))
    .map(
      (group) =>
        `${group[0]}: imports itself through ${group.length > 1 ? group.slice(1).join(", ") : "no other file"}`,
    );
}

function readRelativeImports(file) {
  return ts
    .preProcessFile(readFileSync(file, "utf8"), true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .map(({ fileName }) => resolve(dirname(file), fileName).replace(/\.(c|m)?js$/, ".$1ts"));
}

/** Tarjan's algorithm: groups of files each of which reaches the others. */
function stronglyConnected(files, imports) {
  const order = new Map();
  const lowest = new Map();
  const stack = [];
  const groups = [];
  const visit = (file) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file));
    stack.push(file);
    for (const target of imports.get(file)) {
      if (!order.has(target)) {
        visit(target);
      }
      if (stack.includes(target)) {
        lowest.set(file, Math.min(lowest.get(file), lowest.get(target)));
      }
    }
    if (lowest.get(file) === order.get(file)) {
      groups.push(stack.splice(stack.indexOf(file)));
    }
  };
  for (const file of files) {
    if (!order.has(file)) {
      visit(file);
    }
  }
  return groups;
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  }
  return groups;
}

function isSource(file) {
  return /\.(ts|mjs)$/.test(file) && !/\.(test|fixture|d|generated)\.[cm]?ts$/.test(file);
}

function listCode(folder) {
  if (!existsSync(folder)) {
    return [];
  }
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](node_modules|dist)[\\/]/.test(file))
    .sort();
}

function listFolders(parent) {
  return existsSync(parent)
    ? readdirSync(parent, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];
}

function countLines(file) {
  return readFileSync(file, "utf8").trimEnd().split("\n").length;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const problems = findStructureProblems(process.argv[2]);
  for (const problem of problems) {
    console.error(problem);
  }
  process.exitCode = problems.length > 0 ? 1 : 0;
}
