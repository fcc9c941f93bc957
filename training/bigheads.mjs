// Draws Big Heads (MIT) as SVG, one JSON object a line, as avatars.mjs does: {"style", "seed", "svg", "parts"}.
// Every part gets one placeholder colour, its shadow too; lines are black. The drawings follow from their numbers.
// Usage: node bigheads.mjs COUNT
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
process.env.NODE_ENV = 'production';
const { BigHead, theme } = require('@bigheads/core');
const React = require('react');
const { renderToStaticMarkup } = require('react-dom/server');

const parts = { skinColor: '#0a0010', hairColor: '#0a0011', clothesColor: '#0a0012', hatColor: '#0a0013', lipColor: '#0a0014' };
const both = (name) => ({ base: parts[name], shadow: parts[name] });
theme.colors.skin.light = both('skinColor');
theme.colors.hair.black = both('hairColor');
theme.colors.clothing.white = both('clothesColor');
theme.colors.clothing.red = both('hatColor');
theme.colors.lipColors.red = both('lipColor');
theme.colors.outline = '#000000';
theme.colors.tongue = parts.lipColor;

const choices = {
  eyes: ['normal', 'leftTwitch', 'happy', 'content', 'squint', 'simple', 'dizzy', 'wink'],
  eyebrows: ['raised', 'leftLowered', 'serious', 'angry', 'concerned'],
  mouth: ['grin', 'sad', 'openSmile', 'lips', 'open', 'serious', 'tongue'],
  hair: ['long', 'bun', 'short', 'pixie', 'balding', 'buzz', 'afro', 'bob', 'long', 'bob'],
  facialHair: ['none', 'none', 'none', 'mediumBeard'],
  clothing: ['shirt', 'dressShirt', 'vneck', 'tankTop', 'dress', 'shirt'],
  accessory: ['none', 'none', 'none', 'roundGlasses', 'tinyGlasses'],
  hat: ['none', 'none', 'none', 'none', 'beanie', 'turban'],
  body: ['chest', 'breasts'],
};
const fixed = { skinTone: 'light', hairColor: 'black', clothingColor: 'white', hatColor: 'red', lipColor: 'red', graphic: 'none', mask: false };

function generator(seed) {  // mulberry32
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

for (let i = 0; i < Number(process.argv[2]); i++) {
  const random = generator(i);
  const drawn = Object.entries(choices).map(([name, values]) => [name, values[Math.floor(random() * values.length)]]);
  const svg = renderToStaticMarkup(React.createElement(BigHead, { ...Object.fromEntries(drawn), ...fixed, lashes: random() > 0.5 }));
  console.log(JSON.stringify({ style: 'bigHeads', seed: `bigHeads-${i}`, svg, parts }));
}
