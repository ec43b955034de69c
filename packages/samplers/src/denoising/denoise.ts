import { type DenoisePlan, type Denoiser, GrammarError, ShapeError, type TokenBatch } from "@mmgen/core";
import { throwIfAborted } from "../autoregressive/logits-source.js";
import { guideByContext, withContextGuidance } from "../guidance/context-guidance.js";
import { readLogits } from "../guidance/read-logits.js";
import { CodeDrawer } from "./code-drawer.js";
import { type DenoiseConfig, type DenoiseOptions, resolveDenoise } from "./denoise-options.js";
import { denoisePlan } from "./denoise-plan.js";
import { needsLogits, runRow } from "./round-rules.js";

/**
 * Generates sequences with a model of the discrete-diffusion family: from noise, or around what is known, such as a
 * caption, half an image or any part of it.
 *
 * Logits are processed by temperature, then top-k, then top-p, over the legal ids of a position; an id's draw and its
 * confidence are of the same distribution. All noise is a function of the row's seed, the position and the round: a row
 * does not depend on the others. Known ids never change.
 *
 * The model's own `denoise` is used when it has one and there is no `onRound`; it gives the same ids, provided that its
 * logits are the same.
 *
 * @returns `[rows, length]`, known ids included; yours.
 * @throws a `ConfigError` when an option is unknown, out of range or does not fit the kernel; {@link ShapeError} when ids,
 *   flags and ranges do not fit each other; `AbortedError` when the signal is aborted.
 */
export async function denoise(options: DenoiseOptions): Promise<TokenBatch> {
  const config = resolveDenoise(options);
  const { model, onRound, signal } = config;
  throwIfAborted(signal);
  const start = denoisePlan(config);
  const isDone = start.known.every((flag) => flag === 1);
  const plan = isDone ? start : await withContextGuidance(start, config);
  throwIfAborted(signal);
  if (!isDone && onRound === undefined && model.denoise !== undefined) {
    const result = await model.denoise(plan, { signal });
    throwIfAborted(signal);
    checkResult(result, plan);
    return result;
  }
  return runRounds(plan, config);
}

/** Runs a plan round by round. */
async function runRounds(plan: DenoisePlan, { model, onRound, signal }: DenoiseConfig): Promise<TokenBatch> {
  const { count, length } = plan.ids;
  const ids = plan.ids.data.slice();
  const drawer = new CodeDrawer(plan, model.vocabularySize);
  const finishRound = async (round: number) => {
    const masked = Uint8Array.from(ids, (id, i) => (plan.known[i] === 0 && id === plan.maskId ? 1 : 0));
    await onRound?.({ ids: ids.slice(), masked, known: plan.known.slice(), round, rounds: plan.rounds });
    throwIfAborted(signal);
  };
  await finishRound(0);
  for (let round = 0; round < plan.rounds; round++) {
    const logits = needsLogits(plan, ids)
      ? guideByContext(await roundLogits(plan, { model, ids, round }), plan, round)
      : nothing;
    for (let row = 0; row < count; row++) {
      runRow({ plan, drawer, logits, ids, row, round });
    }
    await finishRound(round + 1);
  }
  return { data: ids, count, length };
}

const nothing = new Float32Array(0);

/** `[rows, length, vocabularySize]`; with guidance, both conditions are one batch. */
async function roundLogits(
  plan: DenoisePlan,
  { model, ids, round }: { readonly model: Denoiser; readonly ids: Int32Array; readonly round: number },
): Promise<Float32Array> {
  const { count, length } = plan.ids;
  const size = count * length;
  const data = new Int32Array(plan.guidance === undefined ? size : 2 * size);
  data.set(ids);
  plan.guidance?.ids.data.forEach((id, i) => {
    data[size + i] = plan.known[i] === 1 ? id : ids[i]!;
  });
  const logits = await readLogits(model, { data, count: data.length / length, length });
  if (plan.guidance === undefined) {
    return logits;
  }
  const scale = plan.guidance.scales[round]!;
  const [conditioned, without] = [logits.subarray(0, logits.length / 2), logits.subarray(logits.length / 2)];
  return conditioned.map((value, i) => without[i]! + (value - without[i]!) * scale);
}

function checkResult(result: TokenBatch, { ids, known, legal }: DenoisePlan): void {
  const { count, length } = ids;
  if (result.count !== count || result.length !== length || result.data.length !== count * length) {
    throw new ShapeError(
      `The model's denoise gave ${result.count} rows of ${result.length} ids, expected ${count} of ${length}.`,
    );
  }
  for (let i = 0; i < result.data.length; i++) {
    const [id, position] = [result.data[i]!, i % length];
    const isLegal = known[i] === 1 ? id === ids.data[i] : id >= legal.from[position]! && id < legal.to[position]!;
    if (!isLegal) {
      throw new GrammarError(
        `The model's denoise gave row ${Math.floor(i / length)}, position ${position}, the id ${id}, which ${known[i] === 1 ? "changes a known one" : "is not legal there"}.`,
      );
    }
  }
}
