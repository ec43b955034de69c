import * as tf from "@tensorflow/tfjs-core";
import type { RecordingBackend } from "../tensors/recording-backend.js";
import { signatureOf, type TensorStructure, tensorsOf } from "./structure.js";
import { Trace } from "./trace.js";

/** Maximum number of traces that a compiled function keeps; the oldest one is dropped first. */
const maxTraces = 32;

/** Implements `OnnxBackend.compile`. */
export function compile<Args extends TensorStructure[], Result extends TensorStructure>(
  backend: RecordingBackend,
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  const traces = new Map<string, Trace<Args, Result>>();
  return (...args) => {
    // Inside another trace or under a gradient the call is recorded in place. An asynchronous runtime cannot replay a
    // trace synchronously: its calls are recorded too, and the session cache saves the compilation.
    if (backend.tracing || !backend.executor.runtime.synchronous || tf.engine().isTapeOn()) {
      return tf.tidy(() => fn(...args) as tf.TensorContainer) as Result;
    }
    const signature = signatureOf(args);
    let trace = traces.get(signature);
    if (trace === undefined) {
      trace = new Trace(backend, fn, args);
      if (traces.size >= maxTraces) {
        const [oldest, dropped] = traces.entries().next().value!;
        traces.delete(oldest);
        dropped.dispose();
      }
      traces.set(signature, trace);
    }
    return trace.replay(tensorsOf(args));
  };
}
