// Writes every text of the build a second and a third time, as gzip and as brotli: the API serves them as they are.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import type { Plugin } from "vite";

const TEXT = /\.(?:js|css|html|svg)$/;
const SMALL_BYTES = 1024; // less gains nothing
const packed = {
  gz: (content: Buffer) => promisify(gzip)(content, { level: 9 }),
  br: (content: Buffer) =>
    promisify(brotliCompress)(content, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
    }),
};

/** Compresses what a build has written. */
export function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir }, bundle) {
      if (dir === undefined) return;
      const texts = Object.keys(bundle).filter((name) => TEXT.test(name) && !name.startsWith("."));
      await Promise.all(texts.map((name) => compress(join(dir, name))));
    },
  };
}

async function compress(file: string): Promise<void> {
  const content = await readFile(file);
  if (content.length < SMALL_BYTES) return;
  const each = Object.entries(packed).map(async ([suffix, pack]) => writeFile(`${file}.${suffix}`, await pack(content)));
  await Promise.all(each);
}
