/**
 * Registers TensorFlow.js's gradients of ordinary operations (add, matMul, reshape, …), for its side effect.
 *
 * `@tensorflow/tfjs-core` alone knows no gradients, and `tf.grad` on it throws. The index of this package imports this
 * file, so whoever uses a layer has them; importing it twice, or beside `@tensorflow/tfjs`, changes nothing.
 */
// The peer first: it makes the one engine, whose tensors the rules below compute with.
import "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
