import { type DenoisePlan, ShapeError, type TokenBatch, transitionColumns } from "@mmgen/core";
import { feedsTravel, type TensorFunction, uploadOwned } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import type { Pause } from "../decoding/decode-plan.js";
import { uploadTokens } from "../model/target-losses.js";
import { checkTokens } from "../model/token-checks.js";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import { type DenoiseSettings, listDenoiseInputs } from "./denoise-graph.js";
import { DrawNoise, type OpenWindow } from "./draw-noise.js";

/**
 * Checks that a model can run the plan.
 *
 * @throws a {@link ShapeError} or `VocabularyError`.
 */
export function checkDenoisePlan(plan: DenoisePlan, { config }: TransformerNetwork): void {
  const { blank, ids, known, legal, guidance, drawSeeds, choiceSeeds, rounds, rule } = plan;
  const { contextLength, vocabularySize } = config;
  checkTokens("ids", ids, vocabularySize, contextLength);
  if (guidance) {
    checkTokens("guidance.ids", guidance.ids, vocabularySize, contextLength);
  }
  const size = ids.count * ids.length;
  const lengths: [string, number | undefined, number][] = [
    ["known", known.length, size],
    ["legal.from", legal.from.length, ids.length],
    ["legal.to", legal.to.length, ids.length],
    ["drawSeeds", drawSeeds.length, rounds * ids.count],
    ["choiceSeeds", choiceSeeds.length, rounds * ids.count],
    ["guidance.ids", guidance?.ids.data.length ?? size, size],
    ["guidance.scales", guidance?.scales.length ?? rounds, rounds],
    ["blank.logits", blank?.logits.length ?? ids.length * vocabularySize, ids.length * vocabularySize],
    ["blank.scales", blank?.scales.length ?? rounds, rounds],
    ["rule.drawnIn", rule.type === "ordered" ? rule.drawnIn.length : size, size],
  ];
  for (const [name, length, expected] of lengths) {
    if (length !== expected) {
      throw new ShapeError(`denoise: expected ${expected} numbers of ${name}, got ${length}.`);
    }
  }
}

/** The positions that may change in some row: `count` of them from `first` on; none: the whole row. */
function openWindow({ ids: { length }, known }: DenoisePlan): { readonly first: number; readonly count: number } {
  const isOpen = Array.from({ length }, (_, position) =>
    known.some((flag, i) => i % length === position && flag === 0),
  );
  const first = Math.max(0, isOpen.indexOf(true));
  const last = isOpen.lastIndexOf(true);
  return { first, count: last < 0 ? length : last - first + 1 };
}

/** Settings of a plan that determine the graph. */
export function denoiseSettings(plan: DenoisePlan): DenoiseSettings {
  const { blank, guidance, maskId = -1, rule, temperature, topK, topP } = plan;
  return {
    rule: rule.type,
    temperature,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    guided: guidance !== undefined,
    ...(blank !== undefined && { guidedByContext: true }),
    maskId,
    first: openWindow(plan).first,
    ...(feedsTravel() && { drawsNoise: true }),
  };
}

/** Bounds of {@link runDenoise}. */
export interface DenoiseBounds {
  readonly vocabularySize: number;
  /** Most numbers of noise that are uploaded at once; more rounds are run in parts. */
  readonly maxNoise: number;
  /** Most logits of a round; more rows are run in blocks. A session keeps several times as much until it is dropped. */
  readonly maxLogits: number;
  /** Awaited between two blocks. Default: nothing is. */
  readonly pause?: Pause | undefined;
}

/**
 * Runs a plan that {@link checkDenoisePlan} has checked: blocks of rows, which do not depend on each other, and as many
 * rounds at once as their noise is small enough.
 *
 * @param run - Of the graph for the plan's settings.
 */
export async function runDenoise(plan: DenoisePlan, run: TensorFunction, bounds: DenoiseBounds): Promise<TokenBatch> {
  const { data, count, length } = plan.ids;
  const { maxLogits, maxNoise, pause, vocabularySize } = bounds;
  // Of all rows: the graph was made for it.
  const { first, count: places } = openWindow(plan);
  const options = { first, places, vocabularySize, maxNoise };
  const blocks = Math.max(1, Math.min(count, Math.ceil((count * length * vocabularySize) / maxLogits)));
  const size = Math.ceil(count / blocks);
  const result = new Int32Array(data.length);
  for (let from = 0; from < count; from += size) {
    if (from > 0) {
      await pause?.();
    }
    const block = await runBlock(planOfRows(plan, from, Math.min(from + size, count)), run, options);
    result.set(block.data, from * length);
  }
  return { data: result, count, length };
}

/** The part of a plan that is of some of its rows. */
function planOfRows(plan: DenoisePlan, from: number, to: number): DenoisePlan {
  const { choiceSeeds, drawSeeds, guidance, ids, known, rounds, rule } = plan;
  const { count, length } = ids;
  const rowsOf = ({ data }: TokenBatch): TokenBatch => ({
    ...{ data: data.subarray(from * length, to * length), count: to - from, length },
  });
  /** Of `[rounds, count]`. */
  const columns = <Table extends Uint32Array | Int32Array>(table: Table): Table => {
    const part = table.slice(0, rounds * (to - from)) as Table;
    for (let round = 0; round < rounds; round++) {
      part.set(table.subarray(round * count + from, round * count + to), round * (to - from));
    }
    return part;
  };
  return {
    ...{ ...plan, ids: rowsOf(ids), known: known.subarray(from * length, to * length) },
    ...{ drawSeeds: columns(drawSeeds), choiceSeeds: columns(choiceSeeds) },
    ...(guidance && { guidance: { ...guidance, ids: rowsOf(guidance.ids) } }),
    ...(rule.type === "confidence" && { rule: { ...rule, masked: columns(rule.masked) } }),
    ...(rule.type === "ordered" && {
      rule: { ...rule, drawnIn: rule.drawnIn.subarray(from * length, to * length) },
    }),
  };
}

async function runBlock(
  plan: DenoisePlan,
  run: TensorFunction,
  { maxNoise, ...window }: OpenWindow & Pick<DenoiseBounds, "maxNoise">,
): Promise<TokenBatch> {
  const { count, length } = plan.ids;
  const { places, vocabularySize } = window;
  const chunks = Math.ceil((plan.rounds * count * places * vocabularySize) / maxNoise);
  const parts = Math.min(plan.rounds, Math.max(1, chunks));
  const open = plan.known.map((flag) => 1 - flag);
  const fixed = tf.tidy(() => ({
    open: tf.tensor2d(open, [count, length], "int32"),
    legality: tf.tensor2d(legalityOf(plan, window), [places, vocabularySize]),
    unconditional: uploadTokens(plan.guidance?.ids ?? plan.ids),
    blank: plan.blank ? tf.tensor2d(blankOf(plan.blank, window), [places, vocabularySize]) : tf.zeros([1]),
  }));
  const noise = new DrawNoise(plan, window);
  let ids = uploadTokens(plan.ids);
  try {
    for (let part = 0; part < parts; part++) {
      const from = Math.floor((plan.rounds * part) / parts);
      const to = Math.floor((plan.rounds * (part + 1)) / parts);
      const next = tf.tidy(() => {
        const inputs = uploadRounds(plan, noise, { from, to, ...window });
        return run(...listDenoiseInputs({ ids, ...fixed, ...inputs }))[0] as tf.Tensor2D;
      });
      ids.dispose();
      ids = next;
    }
    return { data: (await ids.data()) as Int32Array, count, length };
  } finally {
    tf.dispose([ids, Object.values(fixed)]);
  }
}

function blankOf({ logits }: { readonly logits: Float32Array }, { first, places, vocabularySize }: OpenWindow) {
  return logits.slice(first * vocabularySize, (first + places) * vocabularySize);
}

function legalityOf({ legal }: DenoisePlan, { first, places, vocabularySize }: OpenWindow): Float32Array {
  const legality = new Float32Array(places * vocabularySize).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < places; i++) {
    legality.fill(0, i * vocabularySize + legal.from[first + i]!, i * vocabularySize + legal.to[first + i]!);
  }
  return legality;
}

function uploadRounds(
  plan: DenoisePlan,
  noise: DrawNoise,
  { from, to, places, vocabularySize }: OpenWindow & { readonly from: number; readonly to: number },
) {
  const { ids, rule, temperature } = plan;
  const rounds = to - from;
  const rows = ids.count;
  const isDrawn = temperature > 0 || rule.type === "posterior";
  const masked =
    rule.type === "confidence" ? rule.masked.subarray(from * rows, to * rows) : new Int32Array(rounds * rows);
  const choices = new Float32Array(rounds * rows * places);
  const isUploaded = isDrawn && !feedsTravel();
  const draws = new Float32Array(isUploaded ? choices.length * vocabularySize : 1);
  for (let round = 0; round < rounds; round++) {
    const chosen = noise.choices(from + round);
    choices.set(chosen, round * chosen.length);
    if (isUploaded) {
      const size = chosen.length * vocabularySize;
      noise.writeDraws(from + round, chosen, draws.subarray(round * size, (round + 1) * size));
    }
  }
  const numbers = numbersOf(plan);
  const width = numbers.length / plan.rounds;
  const drawSeeds = () => Int32Array.from(plan.drawSeeds.subarray(from * rows, to * rows));
  return {
    draws:
      isDrawn && !isUploaded
        ? tf.tensor2d(drawSeeds(), [rounds, rows], "int32")
        : uploadOwned(draws, isUploaded ? [rounds, rows, places, vocabularySize] : [1], "float32"),
    choices: uploadOwned<tf.Rank.R3>(choices, [rounds, rows, places], "float32"),
    numbers: tf.tensor2d(numbers.subarray(from * width, to * width), [rounds, width]),
    masked: tf.tensor2d(Float32Array.from(masked), [rounds, rows]),
  };
}

/** The scales of guidance by a condition and by context and the rule's numbers of each round, row-major. */
function numbersOf({ blank, guidance, rounds, rule }: DenoisePlan): Float32Array {
  const columns =
    rule.type === "unmask"
      ? [rule.stayBelow, rule.remaskBelow]
      : rule.type === "confidence"
        ? [rule.noiseScales]
        : rule.type === "posterior"
          ? Array.from({ length: transitionColumns }, (_, i) => everyNth(rule.transitions, i, rounds))
          : [];
  const none = new Float32Array(rounds);
  const all = [guidance?.scales ?? none, blank?.scales ?? none, ...columns];
  return Float32Array.from(
    { length: rounds * all.length },
    (_, i) => all[i % all.length]![Math.floor(i / all.length)]!,
  );
}

function everyNth(table: Float32Array, column: number, rounds: number): Float32Array {
  return Float32Array.from({ length: rounds }, (_, round) => table[round * transitionColumns + column]!);
}
