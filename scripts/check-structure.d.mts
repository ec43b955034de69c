export const limits: {
  readonly filesInRoom: number;
  readonly lines: number;
  readonly filesInExample: number;
  readonly filesInHarness: number;
  readonly linesInHarness: number;
};
export function findStructureProblems(root?: string): string[];
