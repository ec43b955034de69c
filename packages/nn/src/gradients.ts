/**
 * Registers TensorFlow.js's gradients of ordinary operations (add, matMul, reshape, …), for its side effect.
 *
 * `@tensorflow/tfjs-core` alone knows no gradients, and `tf.grad` on it throws. The index of this package imports this
 * file, so whoever uses a layer has them; importing it twice, or beside `@tensorflow/tfjs`, changes nothing.
 */
import "@tensorflow/tfjs-core/dist/register_all_gradients";
