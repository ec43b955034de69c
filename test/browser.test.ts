import vm from "node:vm";
import { type BuildFailure, build } from "esbuild";
import { describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../scripts/workspace.mjs";
import { browserBundle, root } from "./fixtures/bundle.fixture.js";

/** What every browser and worker has and our code or tfjs-core may touch while it loads; no process, no require. */
function browserGlobals(): Record<string, unknown> {
  const { console, TextEncoder, TextDecoder, URL, performance, crypto, fetch, setTimeout, clearTimeout } = globalThis;
  const globals = { console, TextEncoder, TextDecoder, URL, performance, crypto, fetch, setTimeout, clearTimeout };
  return Object.assign(globals, { self: globals, window: globals, navigator: { userAgent: "" } });
}

const mains = listPackages().map((workspacePackage) => ({
  name: workspacePackage.name,
  source: listEntries(workspacePackage).find(({ subpath }) => subpath === ".")!.source,
}));

describe("the main entry of every package", () => {
  it.each(mains)("$name bundles for the browser and loads without Node", async ({ source }) => {
    const bundle = await build(browserBundle(source)).catch((failure: BuildFailure) => failure);
    expect(bundle.errors.map(({ text, location }) => `${location?.file}:${location?.line} ${text}`)).toEqual([]);
    const code = "outputFiles" in bundle ? bundle.outputFiles![0]!.text : "";
    const globals = vm.createContext(browserGlobals());
    vm.runInContext(code, globals);
    expect(globals.loaded).toBeTypeOf("object");
  });

  it("is really checked: a Node builtin in a bundle fails", async () => {
    const options = browserBundle(`${root}/packages/core/src/node.ts`);
    await expect(build(options)).rejects.toThrow('Could not resolve "node:');
  });
});
