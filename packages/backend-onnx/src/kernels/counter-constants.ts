/** Of `counterWords` in `@mmgen/core`: what the start of a word grows by from place to place. */
export const golden = 0x9e3779b1;

/** Of `counterWords` in `@mmgen/core`: the summands of its rounds after the first. */
export const summands = [0x7f4a7c15, 0x6c078965, 0x85ebca6b];
