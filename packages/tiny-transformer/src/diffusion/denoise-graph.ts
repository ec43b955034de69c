import { scan, type TensorFunction } from "@mmgen/nn/layers";
import * as tf from "@tensorflow/tfjs-core";
import { type ChoiceSettings, finiteLogits } from "../decoding/choose-ids.js";
import { drawnNoise } from "../decoding/noise-inputs.js";
import type { TransformerNetwork } from "../model/transformer-backbone.js";
import type { OpenWindow } from "./draw-noise.js";
import { keepLikely } from "./keep-likely.js";
import { nextIds, type RoundRule } from "./next-ids.js";

/** What determines the structure of the graph. */
export interface DenoiseSettings extends ChoiceSettings, RoundRule {
  readonly guided: boolean;
  /** Whether logits are moved away from those of a blank row. Default: false. */
  readonly guidedByContext?: boolean;
  /** First position that may change in some row. */
  readonly first: number;
  /** Whether the graph draws the noise of the draws, from seeds. Default: false. */
  readonly drawsNoise?: boolean;
}

/** Input tensors of some rounds; borrowed. W positions, from `first` on, may change. */
export interface DenoiseInputs {
  /** State before the first of the rounds, `[rows, length]` int32. */
  readonly ids: tf.Tensor2D;
  /** 1 where an id may change, `[rows, length]` int32. */
  readonly open: tf.Tensor2D;
  /** 0 for legal ids, −∞ for others, `[W, vocabularySize]`. */
  readonly legality: tf.Tensor2D;
  /**
   * Noise of the draws, `[rounds, rows, W, vocabularySize]`, or where the graph draws it the seeds, `[rounds, rows]` int32;
   * a single 0 where nothing is drawn.
   */
  readonly draws: tf.Tensor;
  /** Noise of the choices, `[rounds, rows, W]`. */
  readonly choices: tf.Tensor3D;
  /** Numbers of each round: the scales of guidance by a condition and by context, then those of the rule, `[rounds, numbers]`. */
  readonly numbers: tf.Tensor2D;
  /** Number of ids that stay masked after each round, `[rounds, rows]`; zeros but for rule `confidence`. */
  readonly masked: tf.Tensor2D;
  /** Known ids without the condition, `[rows, length]` int32; `ids` without guidance. */
  readonly unconditional: tf.Tensor2D;
  /** Logits of a blank row, `[W, vocabularySize]`; a single 0 without guidance by context. */
  readonly blank: tf.Tensor;
}

/** Lists the input tensors in the order of {@link denoiseGraph}. */
export function listDenoiseInputs(inputs: DenoiseInputs): tf.Tensor[] {
  const { ids, open, legality, draws, choices, numbers, masked, unconditional, blank } = inputs;
  return [ids, open, legality, draws, choices, numbers, masked, unconditional, blank];
}

/**
 * Builds some rounds of diffusion sampling as one graph with a loop, which a backend may compile.
 *
 * @returns A function from the tensors of {@link listDenoiseInputs} to the state after the rounds, `[rows, length]` int32.
 */
export function denoiseGraph(network: TransformerNetwork, settings: DenoiseSettings): TensorFunction {
  return (ids, open, legality, draws, choices, numbers, masked, unconditional, blank) => {
    const rounds = numbers!.shape[0]!;
    // A single round has no loop.
    const noise = draws!.rank > 1 ? draws! : tf.zeros([rounds, 1]);
    const parts = {
      ...{ network, settings, open: open!, legality: legality!, unconditional: unconditional!, blank: blank! },
    };
    const { carry } = scan(
      ([ids], [draws, choices, numbers, masked]) => ({
        carry: [runRound(ids as tf.Tensor2D, { draws, choices, numbers, masked } as RoundInputs, parts)],
        outputs: [],
      }),
      [ids!],
      [noise, choices!, numbers!, masked!],
    );
    return [carry[0]!];
  };
}

/** One round's slice of the inputs. */
interface RoundInputs {
  readonly draws: tf.Tensor;
  readonly choices: tf.Tensor2D;
  readonly numbers: tf.Tensor1D;
  readonly masked: tf.Tensor1D;
}

interface RoundParts {
  readonly network: TransformerNetwork;
  readonly settings: DenoiseSettings;
  readonly open: tf.Tensor;
  readonly legality: tf.Tensor;
  readonly unconditional: tf.Tensor;
  readonly blank: tf.Tensor;
}

function runRound(ids: tf.Tensor2D, round: RoundInputs, { network, settings, ...parts }: RoundParts): tf.Tensor2D {
  const { first } = settings;
  const [rows, length] = ids.shape;
  const [places, vocabularySize] = parts.legality.shape as [number, number];
  const window = <T extends tf.Tensor>(x: T) => tf.slice(x, [0, first], [rows, places]) as T;
  const ofWindow = windowLogits(ids, { network, settings, ...parts }, round.numbers);
  const shaped = tf.reshape(ofWindow, [rows, places, vocabularySize]);
  const logits = settings.guidedByContext ? awayFrom(parts.blank, shaped, scaleOf(round.numbers, 1)) : shaped;
  const legal = tf.add(finiteLogits(logits), parts.legality);
  const next = nextIds(settings, {
    ids: window(ids),
    open: tf.cast(window(parts.open), "bool"),
    logits: keepLikely(tf.reshape(legal, [rows * places, vocabularySize]) as tf.Tensor2D, settings),
    isLegal: tf.equal(parts.legality, 0),
    draws:
      settings.temperature > 0 || settings.rule === "posterior"
        ? noiseOf(round.draws, { first, places, vocabularySize }, settings)
        : undefined,
    choices: round.choices,
    number: (i) => tf.reshape(tf.slice(round.numbers, [2 + i], [1]), []),
    masked: round.masked,
  });
  const after = first + places;
  return tf.concat(
    [
      ...(first > 0 ? [tf.slice(ids, [0, 0], [rows, first])] : []),
      next,
      ...(after < length ? [tf.slice(ids, [0, after], [rows, length - after])] : []),
    ],
    1,
  );
}

/** Noise of a round's draws, `[rows, W, vocabularySize]`: as uploaded, or drawn from seeds. */
function noiseOf(
  draws: tf.Tensor,
  { first, places, vocabularySize }: OpenWindow,
  { drawsNoise }: DenoiseSettings,
): tf.Tensor {
  if (!drawsNoise) {
    return draws;
  }
  const positions = tf.range(first, first + places, 1, "int32");
  return tf.transpose(drawnNoise(draws, positions, vocabularySize)!, [1, 0, 2]);
}

/** Logits of the positions that may change, `[rows · W, vocabularySize]`; both conditions in one batch. */
function windowLogits(ids: tf.Tensor2D, parts: RoundParts, numbers: tf.Tensor1D): tf.Tensor2D {
  const { network, settings, open, legality, unconditional } = parts;
  const { backbone, config, head } = network;
  const without = () => tf.where(tf.cast(open, "bool"), ids, unconditional);
  const hidden = backbone.forward(settings.guided ? tf.concat([ids, without()]) : ids); // [batch, length, width]
  const [batch, , width] = hidden.shape as [number, number, number];
  const places = legality.shape[0]!;
  const window = tf.slice(hidden, [0, settings.first, 0], [batch, places, width]);
  const logits = head.forward(tf.reshape(window, [batch * places, config.width]));
  if (!settings.guided) {
    return logits as tf.Tensor2D;
  }
  const [conditioned, free] = tf.split(logits, 2) as [tf.Tensor, tf.Tensor];
  return awayFrom(free, conditioned, scaleOf(numbers, 0)) as tf.Tensor2D;
}

/** without + (logits − without) · scale */
function awayFrom(without: tf.Tensor, logits: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  return tf.add(without, tf.mul(tf.sub(logits, without), scale));
}

/** One of a round's scales of guidance. */
function scaleOf(numbers: tf.Tensor1D, i: number): tf.Tensor {
  return tf.reshape(tf.slice(numbers, [i], [1]), []);
}
