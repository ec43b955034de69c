import type { TinyTransformer } from "@mmgen/tiny-transformer";
import * as tf from "@tensorflow/tfjs-core";

/** Gives `model` weights with which it answers these logits, exactly, to whatever it is asked. */
export function giveConstantLogits(model: TinyTransformer, logits: readonly number[]): void {
  const weight = (name: string) => model.parameters.get(name)!;
  const { width } = model.config;
  tf.tidy(() => {
    // The last norm gives (1, 0, 0, …), and the head's first column is the logits.
    weight("transformer.ln_f.weight").assign(tf.zeros([width]));
    weight("transformer.ln_f.bias").assign(tf.tensor1d(Array.from({ length: width }, (_, i) => (i === 0 ? 1 : 0))));
    const head = logits.map((logit) => Array.from({ length: width }, (_, i) => (i === 0 ? logit : 0)));
    weight("lm_head.weight").assign(tf.tensor2d(head, [logits.length, width]));
  });
}
