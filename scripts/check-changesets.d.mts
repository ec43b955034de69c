export function findMissingChangesets(root?: string): string[];
