// sharp with less CPU time: the original is decoded once, and the thumbnail is made from the preview.
import { writeFile } from "node:fs/promises";
import sharp from "sharp";

const [out, ...files] = process.argv.slice(2);
const picture = (input, edge) =>
  sharp(input).autoOrient().resize(edge, edge, { fit: "inside", withoutEnlargement: true }).jpeg({ quality: 80 });
for (const [number, file] of files.entries()) {
  const preview = await picture(file, 2048).toBuffer();
  await Promise.all([
    writeFile(`${out}/${number}.preview.jpg`, preview),
    picture(preview, 400).toFile(`${out}/${number}.thumb.jpg`),
  ]);
}
