import { ConfigError, checkNumber } from "@mmgen/core";
import { fields, functionValue, optional, resolveOptions } from "@mmgen/core/options";
import type * as tf from "@tensorflow/tfjs-core";
import type { Schedule } from "./schedules.js";
import type { GradientTransform } from "./transform.js";

/** A value for each variable. */
export type PerVariable<Value> = (name: string, variable: tf.Variable) => Value;

/**
 * Multiplies steps and weight decay by a factor: one for all variables, or one for each. A factor of 0 freezes a variable.
 *
 * Scales the decay that stands before it in a chain, not what comes after.
 *
 * @throws a `ConfigError`, from `update` where the factor is a function, when a factor is negative or not finite.
 */
export function scale(factor: number | PerVariable<number>): GradientTransform {
  if (typeof factor !== "function") {
    checkFactor(factor, "factor");
  }
  return {
    configuration: { scale: typeof factor === "number" ? factor : "by variable" },
    update: (updates, { variables }) => ({
      updates: new Map(
        [...updates].map(([name, { direction, stepSize, decay }]) => {
          const by = typeof factor === "number" ? factor : checkFactor(factor(name, variables.get(name)!), name);
          return [name, { direction, stepSize: stepSize * by, decay: decay === undefined ? undefined : decay * by }];
        }),
      ),
    }),
  };
}

/** Multiplies steps and weight decay by a schedule's value, on top of the run's learning rate. */
export function scaleBySchedule(schedule: Schedule): GradientTransform {
  return {
    configuration: { scaleBySchedule: schedule.configuration ?? {} },
    update: (updates, context) => {
      if (context.recordedStep !== undefined) {
        throw new ConfigError(
          "scaleBySchedule: a recorded step cannot compute a schedule. Leave it out, and give its value with the learning rate.",
        );
      }
      return scale(schedule(context.step - 1)).update(updates, context);
    },
  };
}

/** Options of {@link addDecayedWeights}. */
export interface DecayedWeightsOptions {
  /** Which variables decay. Default: those of two or more dimensions, so neither biases nor norms. */
  readonly decays?: PerVariable<boolean> | undefined;
}

const decayedWeightsSchema = fields({ decays: optional(functionValue<PerVariable<boolean>>()) });
const isMatrix: PerVariable<boolean> = (_name, { rank }) => rank >= 2;

/**
 * Decoupled weight decay: takes `weightDecay`, times the learning rate, of each decayed variable away in every step.
 *
 * @throws a `ConfigError` when `weightDecay` is negative or not finite.
 * @see Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101
 */
export function addDecayedWeights(weightDecay: number, options: DecayedWeightsOptions = {}): GradientTransform {
  const { decays = isMatrix } = resolveOptions(decayedWeightsSchema, options);
  checkFactor(weightDecay, "weightDecay");
  return {
    configuration: { addDecayedWeights: weightDecay },
    update: (updates, { variables, learningRate }) => ({
      updates: new Map(
        [...updates].map(([name, update]) => {
          const isDecayed = weightDecay > 0 && decays(name, variables.get(name)!);
          return [name, isDecayed ? { ...update, decay: (update.decay ?? 0) + learningRate * weightDecay } : update];
        }),
      ),
    }),
  };
}

function checkFactor(factor: number, name: string): number {
  checkNumber(name, factor, { min: 0 });
  return factor;
}
