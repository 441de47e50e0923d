// archiver with the AWS SDK, as its users write it: each object's stream is appended, and the archive's stream is
// uploaded.
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { ZipArchive } from "archiver";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
const s3 = new S3Client({ forcePathStyle: true });
const zip = new ZipArchive({ store: true });
const body = new PassThrough();
zip.on("error", (error) => body.destroy(error));
zip.pipe(body);
const upload = new Upload({
  client: s3,
  params: { Bucket: job.archives, Key: job.archive, Body: body, ContentType: "application/zip" },
}).done();
for (const photo of job.photos) {
  const object = await s3.send(new GetObjectCommand({ Bucket: job.originals, Key: photo.key }));
  const entry = new Promise((resolve, reject) => {
    zip.once("entry", resolve);
    object.Body.once("error", reject);
  });
  zip.append(object.Body, { name: photo.name });
  await entry;
}
await zip.finalize();
await upload;
