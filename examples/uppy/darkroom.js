// Connects Uppy 5 or 6 with Darkroom: photos are announced to the API, uploaded to S3, and continue after interruptions.
//
//     const darkroom = new Darkroom(uppy, { api: 'https://…', token: async () => '…' });
//     uppy.use(AwsS3, darkroom.uppy6Options());             // @uppy/aws-s3 6.2 or later
//     uppy.use(AwsS3, darkroom.uppy5Options(AwsS3));        // @uppy/aws-s3 5
//
// Each file has one photo, however often it is chosen or sent: the Idempotency-Key of its announcement depends on the
// file's path, type, size and time only. `file.meta.photoId` is the photo's id.

const MIB = 1024 * 1024;

/** Repetitions of a request to the API without an answer, or with one that asks for patience: 38 seconds together. */
const API_RETRIES = 7;
/** Milliseconds before failed files are uploaded again. After the last one it is up to the photographer. */
const FILE_RETRIES = [500, 2_000, 5_000, 15_000, 30_000];
/** Photos that are announced at the same time. */
const ANNOUNCEMENTS = 6;
/** Takes the place of a URL if the original has arrived already. */
const ARRIVED = 'data:,';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** An answer of the API that refuses the request. `final` if the file can't be uploaded at all. */
class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? problem.message ?? `The API answered ${status}.`);
    Object.assign(this, { status, final: false });
  }
}

export class Darkroom {
  #uppy;
  #api;
  #token;
  #multipart;
  /** Failed attempts by file id. */
  #failures = new Map();

  /**
   * @param uppy The Uppy instance.
   * @param options.api URL of the API, without a slash at its end.
   * @param options.token Returns the caller's token, or a promise of it. Called for each request: refresh it there.
   * @param options.multipart Whether a file is uploaded in parts, which continue after an interruption. By default files
   *   of more than 100 MiB, as in Uppy; on bad lines `() => true`.
   */
  constructor(uppy, { api, token, multipart = (file) => file.size > 100 * MIB }) {
    this.#uppy = uppy;
    this.#api = api;
    this.#token = token;
    this.#multipart = multipart;
    uppy.addPreProcessor((ids) => this.#openMultiparts(ids));
    uppy.on('upload-error', (file, error) => this.#failed(file, error));
    uppy.on('upload-success', (file) => this.#failures.delete(file?.id));
    uppy.on('complete', ({ failed }) => this.#retry(failed));
    uppy.on('file-removed', (file) => this.#removed(file));
    // Golden Retriever continues its uploads in the same event.
    uppy.on('restore-confirmed', () => setTimeout(() => this.#adopt()));
  }

  /** Options of @uppy/aws-s3 6.2 or later. Older ones leave out the headers that `signRequest` returns. */
  uppy6Options() {
    return {
      shouldUseMultipart: this.#multipart,
      // `signRequest` has no file but this key: first the file's id, then the photo's, which it returns.
      generateObjectKey: (file) => file.id,
      signRequest: async ({ method, key, uploadId, partNumber }) => {
        const file = this.#uppy.getFile(key);
        if (file) {
          const { photo, upload } = await this.#announce(file);
          return { url: upload?.url ?? ARRIVED, headers: upload?.headers, key: photo.id };
        }
        const request = { method, upload_id: uploadId, part_number: partNumber };
        const { url, headers } = await this.#call('POST', `/photos/${key}/upload/sign`, request);
        return { url, headers, key };
      },
    };
  }

  /** Options of @uppy/aws-s3 5. */
  uppy5Options(AwsS3) {
    return {
      // Requests at the same time. An interruption costs the parts that are under way: at most twice 5 MiB.
      limit: 2,
      shouldUseMultipart: this.#multipart,
      getUploadParameters: async (file) => {
        const { upload } = await this.#announce(file);
        return { method: 'PUT', url: upload?.url ?? ARRIVED, headers: upload?.headers };
      },
      listParts: async (file, { key }) => {
        const { uploaded } = await this.#call('GET', `/photos/${key}/upload`);
        return uploaded.map((part) => ({ PartNumber: part.part_number, Size: part.size_bytes, ETag: part.etag }));
      },
      signPart: async (file, { key, partNumber }) => {
        const { parts } = await this.#call('GET', `/photos/${key}/upload/parts?numbers=${partNumber}`);
        return { url: parts[0].url, headers: parts[0].headers };
      },
      completeMultipartUpload: async (file, { key, parts }) => {
        const named = parts.map((part) => ({ part_number: part.PartNumber, etag: part.ETag }));
        await this.#call('POST', `/photos/${key}/upload/complete`, { parts: named });
        return {};
      },
      // Uppy 5 calls this for failed files too, whose parts must stay. The deletion of the photo aborts its upload.
      abortMultipartUpload: async () => {},
      uploadPartBytes: async (request) => {
        const arrived = () => {
          request.onComplete?.('');
          return { ETag: '' };
        };
        if (request.signature.url === ARRIVED) return arrived();
        try {
          return await AwsS3.uploadPartBytes(request);
        } catch (error) {
          if (error.source?.status === 412) return arrived();
          throw error;
        }
      },
    };
  }

  /**
   * Opens the uploads in parts before Uppy begins them, as if they had been interrupted: Uppy then lists their parts and
   * sends only what is missing, also of files that the browser has forgotten.
   */
  async #openMultiparts(ids) {
    const files = ids.map((id) => this.#uppy.getFile(id));
    const waiting = files.filter((file) => file && !file.progress.uploadComplete && this.#multipart(file));
    const open = async () => {
      for (let file = waiting.shift(); file; file = waiting.shift()) {
        try {
          const { photo, upload } = await this.#announce(file);
          if (!upload) this.#arrived(file);
          else this.#uppy.setFileState(file.id, { s3Multipart: { key: photo.id, uploadId: upload.upload_id } });
        } catch (error) {
          this.#uppy.emit('upload-error', file, error);
        }
      }
    };
    await Promise.all(Array.from({ length: ANNOUNCEMENTS }, open));
  }

  /** Creates the photo of a file, or finds the one that the same file has. Its upload is `null` if it has arrived. */
  async #announce(file) {
    const upload = this.#multipart(file) ? 'multipart' : 'put';
    const announcement = {
      filename: file.name,
      content_type: file.type || 'application/octet-stream',
      size_bytes: file.size,
      upload,
    };
    const print = await sha256(`${file.id} ${upload}`);
    for (let deleted = 0; ; deleted++) {
      try {
        const made = await this.#call('POST', '/photos', announcement, `${print}-${deleted}`);
        this.#uppy.setFileMeta(file.id, { photoId: made.photo.id });
        return made;
      } catch (error) {
        // 410: that photo was deleted since, and now the file is uploaded anew.
        if (error.status === 410) continue;
        error.final = error.status >= 400 && error.status < 500 && error.status !== 409;
        throw error;
      }
    }
  }

  /** Marks a file as uploaded that S3 has. */
  #arrived({ id }) {
    const { progress } = this.#uppy.getFile(id);
    this.#uppy.setFileState(id, { error: null, progress: { ...progress, uploadStarted: progress.uploadStarted ?? Date.now() } });
    this.#uppy.emit('upload-success', this.#uppy.getFile(id), { status: 200, body: {} });
  }

  #failed(file, error) {
    const current = file && this.#uppy.getFile(file.id);
    if (!current) return;
    // Uppy 6: S3 has the original already, and only its answer was lost; or a repetition failed after the first success.
    if (error.status === 412 || current.progress.uploadComplete) {
      this.#uppy.setState({ error: null });
      this.#uppy.hideInfo();
      this.#arrived(file);
      return;
    }
    const failures = (this.#failures.get(file.id) ?? 0) + 1;
    this.#failures.set(file.id, error.final ? Infinity : failures);
  }

  /** Uploads failed files again, with new URLs. One by one: `retryAll` would also restart uploads that are under way. */
  #retry(failed = []) {
    for (const { id } of failed) {
      const delay = FILE_RETRIES[(this.#failures.get(id) ?? 1) - 1];
      if (delay === undefined) continue;
      setTimeout(() => {
        // Otherwise it was removed meanwhile, or retried by the photographer.
        if (this.#uppy.getFile(id)?.error) this.#uploadAgain(id);
      }, delay);
    }
  }

  /** Uploads restored files that belong to no restored upload: the page was left between two attempts, for example. */
  #adopt() {
    const taken = new Set(Object.values(this.#uppy.getState().currentUploads).flatMap(({ fileIDs }) => fileIDs));
    for (const { id, data, progress } of this.#uppy.getFiles()) {
      if (data && !progress.uploadComplete && !taken.has(id)) this.#uploadAgain(id);
    }
  }

  async #uploadAgain(id) {
    this.#uppy.emit('complete', await this.#uppy.retryUpload(id));
  }

  /** Deletes the photo of a file that was removed before its upload was complete. */
  #removed(file) {
    this.#failures.delete(file.id);
    if (file.progress.uploadComplete || !file.meta.photoId) return;
    this.#call('DELETE', `/photos/${file.meta.photoId}`).catch((error) => this.#uppy.log(error, 'warning'));
  }

  /** Sends a request to the API until it is answered. All requests can be repeated. */
  async #call(method, path, body, key) {
    for (let attempt = 0; ; attempt++) {
      let after = 300 * 2 ** attempt;
      try {
        const headers = { authorization: `Bearer ${await this.#token()}` };
        if (body) headers['content-type'] = 'application/json';
        if (key) headers['idempotency-key'] = key;
        const answer = await fetch(this.#api + path, { method, headers, body: body && JSON.stringify(body) });
        if (answer.status === 204) return null;
        const told = await answer.json();
        if (answer.ok) return told;
        const underWay = told.type === '/problems/request-in-flight';
        const patience = underWay || [429, 502, 503, 504].includes(answer.status);
        if (!patience || attempt === API_RETRIES) throw new Refusal(answer.status, told);
        // A request that is under way mostly ends long before the time that its answer names.
        if (!underWay) after = Math.max(after, 1000 * Number(answer.headers.get('retry-after') ?? 0));
      } catch (error) {
        if (error instanceof Refusal || attempt === API_RETRIES) throw error;
      }
      await pause(after);
    }
  }
}

async function sha256(text) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
