/** Imported before anything else: when the page's own code began to run. */
export const startedAt = performance.now();
