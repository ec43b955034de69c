/**
 * Whether an array is the ones with which tfjs's gradients of sums and means multiply: recorded as a fill, they need
 * neither an upload nor a product.
 */
export function isLargeOnes(values: Float32Array): boolean {
  // A plain loop: half a million callbacks would take longer than the sum itself.
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 1) {
      return false;
    }
  }
  return values.length >= 1024;
}

/** Whether an array of several numbers has the same one everywhere. */
export function areEqual(values: Float32Array): boolean {
  return values.length > 1 && values.every((value) => Object.is(value, values[0]));
}
