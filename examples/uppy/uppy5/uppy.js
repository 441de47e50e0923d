// What the page uses of Uppy. `npm install` packs it, with the styles, into dist/uppy.js and dist/uppy.css.
import '@uppy/core/css/style.min.css';
import '@uppy/dashboard/css/style.min.css';

export { default as AwsS3 } from '@uppy/aws-s3';
export { Uppy } from '@uppy/core';
export { default as Dashboard } from '@uppy/dashboard';
export { default as GoldenRetriever } from '@uppy/golden-retriever';
