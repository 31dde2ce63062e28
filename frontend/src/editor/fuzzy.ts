/** How well a few typed letters fit the name of a command. */

/**
 * Every typed word has to occur, as itself or, of three letters and more, at least with its letters in order. What begins a word counts most, and
 * short names win over long ones.
 *
 * @returns a number that grows with the fit, or undefined where something typed does not occur.
 */
export function closeness(typed: string, name: string): number | undefined {
  const text = name.toLowerCase();
  let total = 0;
  for (const word of typed.toLowerCase().split(/\s+/).filter(Boolean)) {
    const score = closenessOfWord(word, text);
    if (score === undefined) return undefined;
    total += score;
  }
  return total - text.length / 100;
}

/** How much worse than the best one a fit may be: names that merely have the letters stay away once one has the word. */
const REACH = 1.6;

/** The items whose names fit what is typed, the best first; all in their order while nothing is typed. */
export function closest<T>(items: readonly T[], typed: string, nameOf: (item: T) => string): T[] {
  if (!typed.trim()) return [...items];
  const fits = items
    .flatMap((item) => {
      const score = closeness(typed, nameOf(item));
      return score === undefined ? [] : [{ item, score }];
    })
    .sort((a, b) => b.score - a.score);
  const best = fits[0]?.score ?? 0;
  return fits.filter(({ score }) => score >= best - REACH).map(({ item }) => item);
}

function closenessOfWord(word: string, text: string): number | undefined {
  const at = text.indexOf(word);
  if (at === 0) return 4;
  if (new RegExp(`[^\\p{L}\\p{N}]${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "u").test(text)) return 3.5;
  if (at > 0) return 3;
  if (word.length < 3) return undefined;
  let place = -1;
  for (const letter of word) {
    place = text.indexOf(letter, place + 1);
    if (place < 0) return undefined;
  }
  return 1;
}
