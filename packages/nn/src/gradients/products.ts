import * as tf from "@tensorflow/tfjs-core";
import { rule, sumTo } from "./rule.js";

/** Gradients of products over a shared axis. */
export const productRules: readonly tf.GradConfig[] = [
  rule<tf.BatchMatMulAttrs>(tf.BatchMatMul, {
    inputs: ["a", "b"],
    gradients: ({ dy, saved: [a, b], attributes: { transposeA, transposeB } }) => ({
      a: () =>
        unbroadcast(transposeA ? tf.matMul(b!, dy, transposeB, true) : tf.matMul(dy, b!, false, !transposeB), a!),
      b: () =>
        unbroadcast(transposeB ? tf.matMul(dy, a!, true, transposeA) : tf.matMul(a!, dy, !transposeA, false), b!),
    }),
  }),
  rule<tf.EinsumAttrs>(tf.Einsum, {
    inputs: "all",
    gradients: ({ dy, saved, attributes: { equation } }) => {
      const [operands, result] = equation.replace(/\s/g, "").split("->") as [string, string];
      const labels = operands.split(",");
      return Object.fromEntries(
        labels.map((own, i) => [
          i,
          () => {
            const others = saved.flatMap((tensor, j) => (j === i ? [] : [{ tensor, labels: labels[j]! }]));
            return gradientOfOperand({ tensor: dy, labels: result }, others[0], { tensor: saved[i]!, labels: own });
          },
        ]),
      );
    },
  }),
];

/** One batch of matrices may serve many: its gradients add up. */
function unbroadcast(gradient: tf.Tensor, operand: tf.Tensor): tf.Tensor {
  return tf.util.arraysEqual(gradient.shape, operand.shape) ? gradient : sumTo(gradient, operand.shape);
}

/** A tensor with one letter for each of its axes. */
interface Labeled {
  readonly tensor: tf.Tensor;
  readonly labels: string;
}

/** The gradient of one operand of an `einsum`: a product of `dy` and the other operand over the axes they share. */
function gradientOfOperand(dy: Labeled, other: Labeled | undefined, own: Labeled): tf.Tensor {
  const reached = [...own.labels].filter((label) => (dy.labels + (other?.labels ?? "")).includes(label)).join("");
  const gradient = multiply(dy, other, reached);
  // An axis that the operand alone has was summed over: all along it the gradient is the same.
  const shape = own.tensor.shape.map((size, i) => (reached.includes(own.labels[i]!) ? size : 1));
  return tf.broadcastTo(tf.reshape(gradient, shape), own.tensor.shape);
}

function multiply(dy: Labeled, other: Labeled | undefined, labels: string): tf.Tensor {
  if (other === undefined) {
    return sumOver(dy, labels);
  }
  // On cpu tf.einsum sums rightly only over axes that both operands have.
  const met = [...other.labels].filter((label) => (dy.labels + labels).includes(label)).join("");
  const factor = sumOver(other, met);
  if (dy.labels === "" || met === "") {
    return sumOver({ tensor: tf.mul(dy.tensor, factor), labels: dy.labels + met }, labels);
  }
  return tf.einsum(`${dy.labels},${met}->${labels}`, dy.tensor, factor);
}

/** Sums over the axes not among `labels`, and orders the rest as these are. */
function sumOver({ tensor, labels }: Labeled, kept: string): tf.Tensor {
  const axes = [...labels].flatMap((label, i) => (kept.includes(label) ? [] : [i]));
  const left = [...labels].filter((label) => kept.includes(label));
  return tf.transpose(
    axes.length > 0 ? tf.sum(tensor, axes) : tensor,
    [...kept].map((label) => left.indexOf(label)),
  );
}
