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

/** What a name stands for where it is declared. */
function declared(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

/** The names an entry exports. */
function exportsOf(checker: ts.TypeChecker, file: ts.SourceFile): ts.Symbol[] {
  const module = checker.getSymbolAtLocation(file);
  return module === undefined ? [] : checker.getExportsOfModule(module);
}

/** The names an entry exports, types marked, sorted. */
function listExports(checker: ts.TypeChecker, file: ts.SourceFile): string[] {
  return exportsOf(checker, file)
    .map((symbol) => (declared(checker, symbol).flags & ts.SymbolFlags.Value ? symbol.name : `type ${symbol.name}`))
    .sort();
}

/** Optional fields of the entry's options whose description does not say what holds without them. */
function optionsWithoutDefault(checker: ts.TypeChecker, file: ts.SourceFile): string[] {
  const says = /default|absent|required|left out|none|without|otherwise|unless|Give (this|either)/i;
  return exportsOf(checker, file)
    .map((symbol) => declared(checker, symbol))
    .filter(({ name }) => name.endsWith("Options"))
    .flatMap((symbol) => {
      const type = checker.getDeclaredTypeOfSymbol(symbol);
      const fields = (type.isUnion() ? type.types : [type]).flatMap((each) => checker.getPropertiesOfType(each));
      return fields
        .filter((field) => field.flags & ts.SymbolFlags.Optional && field.name !== "type")
        .filter((field) => field.declarations?.[0]?.getSourceFile().fileName.includes("/packages/"))
        .filter((field) => !says.test(ts.displayPartsToString(field.getDocumentationComment(checker))))
        .map((field) => `${symbol.name}.${field.name}`);
    });
}

/**
 * Types of the repository that a caller of an entry's functions needs by name and cannot import: parameters and results of
 * functions, and fields of interfaces. What classes are made of is left to them.
 */
function typesWithoutName(checker: ts.TypeChecker, file: ts.SourceFile, named: ReadonlySet<ts.Symbol>): string[] {
  const isOurs = (symbol: ts.Symbol) =>
    symbol.declarations?.some(
      (declaration) =>
        !ts.isTypeParameterDeclaration(declaration) && declaration.getSourceFile().fileName.includes("/packages/"),
    );
  const mentioned = (node: ts.Node): ts.Symbol[] => {
    if (ts.isBlock(node) || ts.isHeritageClause(node)) {
      return [];
    }
    const own = ts.isTypeReferenceNode(node) ? checker.getSymbolAtLocation(node.typeName) : undefined;
    const within: ts.Symbol[] = own === undefined ? [] : [declared(checker, own)];
    ts.forEachChild(node, (child) => {
      within.push(...mentioned(child));
    });
    return within;
  };
  return exportsOf(checker, file)
    .map((symbol) => declared(checker, symbol))
    .flatMap((symbol) =>
      (symbol.declarations ?? [])
        .filter((found) => ts.isFunctionDeclaration(found) || ts.isInterfaceDeclaration(found))
        .flatMap(mentioned)
        .filter((found) => isOurs(found) && !named.has(found))
        .map((found) => `${symbol.name} → ${found.name}`),
    );
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

  const named = new Set(
    entries
      .flatMap(({ source }) => exportsOf(checker, program.getSourceFile(source)!))
      .map((symbol) => declared(checker, symbol)),
  );
  // The types of option schemas are computed from what a caller gives.
  it.each(entries.filter(({ name }) => name !== "@mmgen/core/options"))(
    "of $name names what its functions take and give",
    ({ source }) => {
      expect(typesWithoutName(checker, program.getSourceFile(source)!, named)).toEqual([]);
    },
  );

  // A caller sees it on hovering over the field.
  it.each(entries)("of $name says what is taken where an option is left out", ({ source }) => {
    expect(optionsWithoutDefault(checker, program.getSourceFile(source)!)).toEqual([]);
  });
});
