// sharp, as its users write it: one pipeline per picture from the file, in parallel.
import sharp from "sharp";

const [out, ...files] = process.argv.slice(2);
const picture = (file, edge) =>
  sharp(file).autoOrient().resize(edge, edge, { fit: "inside", withoutEnlargement: true }).jpeg({ quality: 80 });
for (const [number, file] of files.entries()) {
  await Promise.all([
    picture(file, 2048).toFile(`${out}/${number}.preview.jpg`),
    picture(file, 400).toFile(`${out}/${number}.thumb.jpg`),
  ]);
}
