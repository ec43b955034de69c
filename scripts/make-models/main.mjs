/**
 * Trains the models that come with the page, apps/playground/models, measures them, and writes them there with what they
 * are and under which terms: `npm run make-models`, `npm run make-models -- digits`.
 *
 * A training goes on where it was stopped, in node_modules/.cache/make-models.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { terminalProgress } from "@mmgen/training/node";
import * as tf from "@tensorflow/tfjs-core";
import { loadFrom, saveTo, trainInto } from "mmgen/node";
import { repositoryRoot } from "../workspace.mjs";
import { avatars } from "./avatars.mjs";
import { writeCard } from "./card.mjs";
import { digits } from "./digits.mjs";
import { evaluate } from "./evaluate.mjs";

const recipes = { digits, avatars };
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    /** Threads of the training; one is best where the machine is busy. Default: one a core. */
    threads: { type: "string" },
    /** Leaves the shipped files alone. */
    "train-only": { type: "boolean", default: false },
    /** Measures the models that are there again, and trains none. */
    "measure-only": { type: "boolean", default: false },
    /** Where the models go. */
    out: { type: "string", default: join(repositoryRoot, "apps/playground/models") },
    /** Where trainings are kept. */
    work: { type: "string", default: join(repositoryRoot, "node_modules/.cache/make-models") },
  },
});
const unknown = positionals.find((name) => !Object.hasOwn(recipes, name));
if (unknown !== undefined) {
  throw new Error(`There is no model "${unknown}"; expected ${Object.keys(recipes).join(", ")}.`);
}
if (values.threads !== undefined) {
  registerOnnxBackend({ intraOpNumThreads: Number(values.threads) });
  await tf.setBackend("onnx");
}
for (const name of positionals.length > 0 ? positionals : Object.keys(recipes)) {
  await make(name, recipes[name]);
}

async function make(name, recipe) {
  const work = join(values.work, name);
  const observers = (stage) => [terminalProgress({ label: `${name}, ${stage}` })];
  const data = await recipe.load();
  const folder = join(values.out, name);
  const describe = async (made) => {
    const model = await loadFrom(made);
    const figures = await evaluate(model, recipe, { data, work, observers: observers("classifier") });
    await writeCard(made, { name, recipe, model, data, figures });
    model.dispose();
  };
  if (values["measure-only"]) {
    await mkdir(work, { recursive: true });
    return describe(folder);
  }
  const { captions, images } = data.train;
  const trained = await trainInto(work, { images, captions, ...recipe.training, observers, card: false });
  trained.dispose();
  if (values["train-only"]) {
    return;
  }
  // What is measured is what is shipped, and it replaces what was there when it is complete.
  const made = join(values.work, `${name}-made`);
  await rm(made, { recursive: true, force: true });
  const whole = await loadFrom(work);
  await saveTo(made, whole, { dtype: recipe.dtype, card: false });
  whole.dispose();
  await describe(made);
  await rm(folder, { recursive: true, force: true });
  await cp(made, folder, { recursive: true });
}
