import vm from "node:vm";
import { type BuildFailure, build } from "esbuild";
import { describe, expect, it } from "vitest";
import { listEntries, listPackages } from "../scripts/workspace.mjs";
import { browserBundle, pageBundle, root } from "./fixtures/bundle.fixture.js";

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

/** The files whose code is in a page's bundle, and its size in bytes. */
async function bundled(code: string): Promise<{ readonly files: string[]; readonly bytes: number }> {
  const { metafile, outputFiles } = await build(pageBundle(code));
  const inputs = Object.entries(Object.values(metafile!.outputs)[0]!.inputs);
  return {
    files: inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([file]) => file),
    bytes: outputFiles![0]!.contents.length,
  };
}

const gradients = /register_all_gradients|_grad\.js$|nn\/src\/gradients/;

describe("a page bundles what it uses", () => {
  it("brings no gradients and no training with models that only run", async () => {
    const { files, bytes } = await bundled(`
      import { VqVae } from "@mmgen/vqvae";
      import { TinyTransformer } from "@mmgen/tiny-transformer";
      import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
      import { generate } from "@mmgen/samplers";
      console.log(VqVae.fromSafetensors, TinyTransformer.fromSafetensors, MultimodalTokenizer.fromJSON, generate);`);
    expect(files.filter((file) => gradients.test(file) || file.includes("packages/training"))).toEqual([]);
    expect(files.some((file) => file.includes("packages/vqvae"))).toBe(true);
    expect(bytes).toBeLessThan(600_000);
  });

  it.each([
    ["@mmgen/training", "cosineSchedule"],
    ["@mmgen/evaluation", "attributeAgreement"],
    ["@mmgen/datasets", "captionOf"],
    ["@mmgen/plots", "accuracyMargin"],
    ["@mmgen/samplers", "rowSeeds"],
    ["mmgen", "mmgenPresets"],
  ])("brings no gradients and no TensorFlow.js with a pure helper: %s, %s", async (name, helper) => {
    const { files, bytes } = await bundled(`import { ${helper} } from "${name}"; console.log(${helper});`);
    expect(files.filter((file) => gradients.test(file) || file.includes("@tensorflow"))).toEqual([]);
    expect(bytes).toBeLessThan(60_000);
  });

  it("brings the gradients with training and with the layers' index", async () => {
    for (const name of ['{ train } from "@mmgen/training"', '{ relu as train } from "@mmgen/nn"']) {
      const { files } = await bundled(`import ${name}; console.log(train);`);
      expect(files.filter((file) => gradients.test(file)).length, name).toBeGreaterThan(10);
    }
  });
});
