import { ConfigError, checkTokenBatch, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { throwIfAborted } from "./abort.js";
import type { GenerateOptions } from "./generate-options.js";
import { Generation, walkRows } from "./generation.js";
import { GrammarTable } from "./grammar-table.js";
import { canRunNatively, runNatively } from "./native-decode.js";
import { rowSeeds } from "./row-seeds.js";
import { samplingSettings } from "./sampling-options.js";
import { runSteps } from "./step-loop.js";

/**
 * Continues each row of a prompt with a model, inside a grammar.
 *
 * Work on a row's logits, in this order: grammar, repetition penalty, temperature, top-k, top-p, min-p, typical, draw.
 * The draw is the argmax of the processed logits plus `gumbelNoise(seed of the row, position)`, so that a row depends
 * on its seed and prompt but not on its batch, and a model's own `decode` gives the same ids as steps do, as far as both
 * come to the same logits. `decode` is used where the model has one and nothing beyond a plan is asked for: no repetition
 * penalty, min-p, typical, guidance or `onIds`.
 *
 * @returns Prompt and added ids, `[rows, promptLength + steps]`; yours.
 * @throws a {@link GrammarError} when the prompt leaves the grammar, or the grammar ends before `steps`;
 *   {@link ConfigError} when an option is out of range; {@link ShapeError} when prompt, grammar, seeds and model do not
 *   fit each other, or the sequences not `contextLength`; `AbortedError` when the signal fires.
 */
export async function generate(options: GenerateOptions): Promise<TokenBatch> {
  const { model, prompt, signal } = options;
  throwIfAborted(signal);
  const settings = samplingSettings(options, model.vocabularySize);
  checkPrompt("prompt", prompt, model.vocabularySize);
  const seeds = seedsOf(options, settings.temperature);
  const table =
    options.grammar === undefined
      ? GrammarTable.unconstrained(model.vocabularySize)
      : new GrammarTable(options.grammar, model.vocabularySize);
  const steps = stepsOf(options, table);
  checkLengths(options, steps);
  const generation = new Generation(prompt, steps, table);
  if (generation.rows > 0 && canRunNatively(options, settings)) {
    return runNatively(generation, options, settings, seeds, table);
  }
  await runSteps(generation, options, settings, seeds);
  return generation.leading(generation.total);
}

function stepsOf({ grammar, model, prompt, steps }: GenerateOptions, table: GrammarTable): number {
  if (steps !== undefined && (!Number.isInteger(steps) || steps < 0)) {
    throw new ConfigError(`steps: expected a whole number of at least 0, got ${steps}.`);
  }
  if (grammar === undefined) {
    return steps ?? Math.max(0, model.contextLength - prompt.length);
  }
  const states = new Set(walkRows(prompt, table, "prompt"));
  const remaining = [...states].map((state) => table.remaining(state));
  const most = Math.min(...remaining.map((each) => each.most));
  if (steps !== undefined) {
    if (steps > most) {
      throw new GrammarError(`steps: the grammar ends at the latest after ${most} more ids, got ${steps}.`);
    }
    return steps;
  }
  if (remaining.length === 0) {
    return 0;
  }
  if (!Number.isFinite(most) || remaining.some((each) => each.fewest !== most || each.most !== most)) {
    throw new ConfigError("steps: needed, as this grammar's sequences need not all end after the same number of ids.");
  }
  return most;
}

function seedsOf({ prompt, seed, seeds }: GenerateOptions, temperature: number): Uint32Array {
  if (seeds !== undefined) {
    if (seed !== undefined || seeds.length !== prompt.count) {
      throw new ConfigError(
        `seeds: expected one a row (${prompt.count}) and no seed beside them, got ${seeds.length}${seed === undefined ? "" : " and a seed"}.`,
      );
    }
    return seeds;
  }
  if (seed === undefined && temperature > 0) {
    throw new ConfigError("seed: needed to draw at a temperature above 0; give a seed, or one a row as seeds.");
  }
  return rowSeeds(seed ?? 0, prompt.count);
}

function checkLengths({ guidance, model, prompt }: GenerateOptions, steps: number): void {
  const { contextLength } = model;
  const fits = (name: string, length: number) => {
    if (length + steps > contextLength) {
      throw new ShapeError(
        `${name}: ${length} ids and ${steps} steps are more than the model's contextLength ${contextLength}.`,
      );
    }
  };
  fits("prompt", prompt.length);
  if (guidance !== undefined) {
    if (!Number.isFinite(guidance.scale)) {
      throw new ConfigError(`guidance.scale: expected a finite number, got ${guidance.scale}.`);
    }
    checkPrompt("guidance.prompt", guidance.prompt, model.vocabularySize);
    if (guidance.prompt.count !== prompt.count) {
      throw new ShapeError(
        `guidance.prompt: expected as many rows as the prompt (${prompt.count}), got ${guidance.prompt.count}.`,
      );
    }
    fits("guidance.prompt", guidance.prompt.length);
  }
}

function checkPrompt(name: string, prompt: TokenBatch, vocabularySize: number): void {
  checkTokenBatch(prompt, vocabularySize);
  if (prompt.length < 1) {
    throw new ShapeError(`${name}: expected rows of at least one id, got none; start with the tokenizer's prompt.`);
  }
}
