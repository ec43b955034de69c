export function findSiteProblems(site: string, expected?: { documents?: readonly string[] }): string[];
