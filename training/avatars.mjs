// Draws DiceBear avatars as SVG, one JSON object a line: {"style", "seed", "svg", "parts": {option: placeholder}}.
// Every part that has a colour option gets a placeholder colour of its own (#0a00NN), which recolour.py replaces,
// so that two avatars with equal lines can wear any colours.
// Usage: node avatars.mjs COUNT [--seeds PREFIX] STYLE [STYLE ...]; the seeds are PREFIX + STYLE-0, STYLE-1, ...
import { createAvatar } from '@dicebear/core';
import * as collection from '@dicebear/collection';

const [count, ...rest] = process.argv.slice(2);
const [prefix, styles] = rest[0] === '--seeds' ? [rest[1], rest.slice(2)] : ['', rest];
for (const style of styles) {
  const properties = collection[style].schema.properties;
  const parts = Object.keys(properties).filter((name) => /Color$/.test(name) && name !== 'backgroundColor');
  const options = properties.backgroundColor ? { backgroundColor: ['transparent'] } : {};  // Dylan has one by default
  parts.forEach((name, i) => { options[name] = ['0a00' + (16 + i).toString(16)]; });
  const placeholders = Object.fromEntries(parts.map((name) => [name, '#' + options[name][0]]));
  for (let i = 0; i < Number(count); i++) {
    const seed = `${prefix}${style}-${i}`;
    const svg = createAvatar(collection[style], { seed, ...options }).toString();
    console.log(JSON.stringify({ style, seed, svg, parts: placeholders }));
  }
}
