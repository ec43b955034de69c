import { relative } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../scripts/workspace.mjs";
import { root } from "./fixtures/bundle.fixture.js";

const entries = listPackages().flatMap((workspacePackage) =>
  listEntries(workspacePackage).map(({ subpath, source }) => ({
    name: workspacePackage.name + subpath.slice(1),
    source,
  })),
);

/** The names an entry exports, types marked, sorted. */
function listExports(checker: ts.TypeChecker, file: ts.SourceFile): string[] {
  const module = checker.getSymbolAtLocation(file);
  const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
  return symbols
    .map((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return target.flags & ts.SymbolFlags.Value ? symbol.name : `type ${symbol.name}`;
    })
    .sort();
}

// A name that appears or goes here is a change of the public API: it wants a changeset, and a thought.
// `npx vitest run test/exports --update` writes the lists anew.
describe("public API", () => {
  const configPath = `${root}/tsconfig.json`;
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(configPath, ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    entries.map(({ source }) => source),
    { ...options, skipLibCheck: true },
  );
  const checker = program.getTypeChecker();

  it.each(entries)("of $name", ({ source }) => {
    const file = program.getSourceFile(source);
    expect(file, `${relative(root, source)} is named in the exports of package.json and is not there`).toBeDefined();
    expect(listExports(checker, file!)).toMatchSnapshot();
  });
});
