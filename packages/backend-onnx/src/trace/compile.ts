import * as tf from "@tensorflow/tfjs-core";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { signatureOf, type TensorStructure, tensorsOf } from "./structure.js";
import { Trace } from "./trace.js";

/** Maximum number of traces that a compiled function keeps; the oldest one is dropped first. */
const maxTraces = 32;

/** Options of `OnnxBackend.compile`. */
export interface CompileOptions {
  /**
   * Tensors that the function takes after its inputs and that seldom change, such as the weights of a model that is not
   * being trained; borrowed, asked for at every call. They become constants of the compiled graph, which is compiled
   * again once they have changed. Default: none.
   */
  readonly constants?: () => readonly tf.Tensor[];
}

/** Implements `OnnxBackend.compile`. */
export function compile<Args extends TensorStructure[], Result extends TensorStructure>(
  backend: RecordingBackend,
  // biome-ignore lint/suspicious/noExplicitAny: constants of any rank follow the inputs.
  fn: (...args: [...Args, ...any[]]) => Result,
  { constants = () => [] }: CompileOptions = {},
): (...args: Args) => Result {
  const traces = new Map<string, Trace<Result>>();
  return (...args) => {
    const weights = constants();
    // Inside another trace or under a gradient the call is recorded in place.
    if (backend.tracing || tf.engine().isTapeOn()) {
      return tf.tidy(() => fn(...args, ...weights) as tf.TensorContainer) as Result;
    }
    const signature = signatureOf([...args, ...weights]);
    let trace = traces.get(signature);
    if (trace === undefined) {
      trace = new Trace(backend, fn, { args, constants: weights });
      if (traces.size >= maxTraces) {
        const [oldest, dropped] = traces.entries().next().value!;
        traces.delete(oldest);
        backend.flusher.afterCalls(() => dropped.dispose());
      }
      traces.set(signature, trace);
    }
    return trace.replay(tensorsOf(args), weights);
  };
}
