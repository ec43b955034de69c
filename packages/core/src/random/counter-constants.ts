/** What the start of a counter word grows by from place to place: 2³² over the golden ratio, odd. */
export const golden = 0x9e3779b1 | 0;

/** Summands of the rounds of counter words after the first, whose summand is a key. */
export const summands = [0x7f4a7c15, 0x6c078965, 0x85ebca6b] as const;
