import { compile, type TensorFunction, tensorsIn } from "@mmgen/nn";
import * as tf from "@tensorflow/tfjs-core";
import type { StepParts } from "../loop/compiled-step.js";
import { RecordedForm } from "../loop/recorded-form.js";
import { type LossOfTensors, namedNumbers, recordedOptions } from "../loop/recorded-step.js";
import { lossAndGradients, metricsOf, stackMetrics } from "../loop/training-step.js";

/** The gradients of a part of one form, recorded. */
export interface PartForm {
  /** Gives the metrics, as one tensor; the gradients of all parameters, the adversary's last; what `afterStep` takes. */
  readonly form: RecordedForm;
  /** Of the metrics; the norms, which are of the whole step, hold their places. */
  readonly names: readonly string[];
  /** How many gradients there are. */
  readonly gradients: number;
  /** What `afterStep` takes, of the tensors that the form gives. */
  auxOf(tensors: readonly tf.Tensor[]): unknown;
  /** How many tensors that are. */
  readonly auxTensors: number;
}

/**
 * Records the gradients of a part.
 *
 * @param batch - Of that form; borrowed.
 * @throws where the loss reads values, or draws by itself.
 */
export function recordPart<Batch, Aux>(
  parts: StepParts<Batch, Aux>,
  loss: LossOfTensors<Aux>,
  batch: tf.NamedTensorMap,
): PartForm {
  const { adversary, buffers, parameters } = parts.model;
  const taped = { parameters, buffers, adversary, loss };
  let names: readonly string[] = [];
  let aux: unknown;
  const form = RecordedForm.record(parts, { batch, numbers: 0 }, ({ batch, random }) => {
    const kept: tf.Tensor[] = [];
    try {
      const found = lossAndGradients<tf.NamedTensorMap, Aux>(taped, batch, recordedOptions(random), kept);
      const metrics = metricsOf(found, [found.value, found.value]);
      names = metrics.map(([name]) => name);
      aux = found.aux;
      const given = [
        ...inOrder(parameters, found.gradients),
        ...inOrder(adversary?.parameters, found.adversary?.gradients),
        ...tensorsIn(found.aux),
      ];
      return [stackMetrics(metrics.map(([, value]) => value)), ...given.map((tensor) => tf.clone(tensor))];
    } finally {
      tf.dispose(kept);
    }
  });
  // The one seen now: it is another each time that the loss is recorded.
  const template = aux;
  const places = new Map(tensorsIn(template).map((tensor, i) => [tensor, i]));
  return {
    ...{ form, names, gradients: parameters.size + (adversary?.parameters.size ?? 0), auxTensors: places.size },
    auxOf: (tensors) => mapTensors(template, (tensor) => tensors[places.get(tensor)!]!),
  };
}

/**
 * Records the update from the sums of all parts: optimizer, weight average, `afterStep` for each part.
 *
 * @param forms - Of the parts.
 * @param inputs - `batch`: the sums of the gradients, then what the forms give for `afterStep`; borrowed. `numbers`: how many
 *   there are, the divisor of the sums and those of `numbersOf`.
 * @throws where the optimizer computes with the step's number, or `afterStep` reads values or draws by itself.
 */
export function recordUpdate<Batch, Aux>(
  parts: StepParts<Batch, Aux>,
  forms: readonly PartForm[],
  inputs: { readonly batch: tf.NamedTensorMap; readonly numbers: number },
): RecordedForm {
  const { adversary, average, model, optimizer } = parts;
  return RecordedForm.record(parts, inputs, ({ batch, numbers: [total, ...rest], random }) => {
    const given = Object.values(batch);
    const { adversaryRate, learningRate, shares, step } = namedNumbers(parts, rest);
    const takeMeans = (parameters: ReadonlyMap<string, tf.Variable>) =>
      Object.fromEntries([...parameters.keys()].map((name) => [name, tf.div(given.shift()!, total!)]));
    const norms = [optimizer.record(takeMeans(model.parameters), { learningRate, step })];
    if (adversary !== undefined) {
      const gradients = takeMeans(model.adversary!.parameters);
      norms.push(adversary.record(gradients, { learningRate: adversaryRate!, step }));
    }
    if (shares !== undefined) {
      average?.record(shares);
    }
    for (const [part, { auxOf, auxTensors }] of forms.entries()) {
      model.afterStep?.(auxOf(given.splice(0, auxTensors)) as Aux, random.fork("after-step").fork(part));
    }
    return [stackMetrics(norms)];
  });
}

/** A compiled function of sums, as many gradients, and a scalar: the sums with the gradients, times the scalar. */
export function addGradients(): TensorFunction {
  return compile((...inputs) => {
    const factor = inputs.pop()!;
    const gradients = inputs.splice(inputs.length / 2);
    return inputs.map((sum, i) => tf.add(sum, tf.mul(gradients[i]!, factor)));
  });
}

/** Of every variable its gradient, zeros where the loss does not depend on it. */
function inOrder(
  variables: ReadonlyMap<string, tf.Variable> = new Map(),
  gradients: Readonly<Record<string, tf.Tensor>> = {},
): tf.Tensor[] {
  return [...variables].map(([name, { shape }]) =>
    Object.hasOwn(gradients, name) ? gradients[name]! : tf.zeros(shape),
  );
}

/** Copies a container with its tensors, but no variables, replaced. */
function mapTensors(container: unknown, replace: (tensor: tf.Tensor) => tf.Tensor): unknown {
  if (container instanceof tf.Tensor) {
    return container instanceof tf.Variable ? container : replace(container);
  }
  if (Array.isArray(container)) {
    return container.map((each) => mapTensors(each, replace));
  }
  if (typeof container === "object" && container !== null) {
    return Object.fromEntries(Object.entries(container).map(([name, each]) => [name, mapTensors(each, replace)]));
  }
  return container;
}
