import * as tf from "@tensorflow/tfjs-core";
import type { OnnxBackend } from "../onnx-backend.js";
import { signatureOf, type TensorStructure, tensorsOf } from "./structure.js";
import { Trace } from "./trace.js";

/** Traces a compiled function keeps; a function called with ever new shapes forgets its oldest ones. */
const tracesKept = 32;

/** See {@link OnnxBackend.compile}. */
export function compile<Args extends TensorStructure[], Result extends TensorStructure>(
  backend: OnnxBackend,
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  const traces = new Map<string, Trace<Args, Result>>();
  return (...args) => {
    // Inside another trace or under a gradient the call is recorded where it stands. A runtime of promises cannot run
    // a trace at once; its calls are recorded too, and the session cache saves it the compilation.
    if (backend.tracing || !backend.executor.runtime.synchronous || tf.engine().isTapeOn()) {
      return tf.tidy(() => fn(...args) as tf.TensorContainer) as Result;
    }
    const signature = signatureOf(args);
    let trace = traces.get(signature);
    if (trace === undefined) {
      trace = new Trace(backend, fn, args);
      if (traces.size >= tracesKept) {
        const [oldest, forgotten] = traces.entries().next().value!;
        traces.delete(oldest);
        forgotten.dispose();
      }
      traces.set(signature, trace);
    }
    return trace.replay(tensorsOf(args));
  };
}
