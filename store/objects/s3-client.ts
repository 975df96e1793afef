import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";

/** The client tries so often on 503 SlowDown, other 5xx and broken connections, with waits that double up to 20 s. */
const MAX_ATTEMPTS = 10;

let client: Promise<S3Client> | undefined;

/**
 * This process' client, with the credentials that AWS's own tools would use (variables, profile, web identity, role of
 * the machine); without any, buckets that are open to everybody can still be read.
 */
export function s3Client(): Promise<S3Client> {
  client ??= connect();
  return client;
}

/** Whether the client has credentials to sign with. */
export async function hasCredentials(): Promise<boolean> {
  return (await credentialsOf(new S3Client(settings()))) !== undefined;
}

async function connect(): Promise<S3Client> {
  const signing = new S3Client(settings());
  if (await credentialsOf(signing)) return signing;
  const nobody = { accessKeyId: "", secretAccessKey: "" };
  return new S3Client({ ...settings(), credentials: nobody, signer: { sign: async (request) => request } });
}

function settings(): S3ClientConfig {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 } = process.env;
  const endpoint = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL;
  return {
    maxAttempts: MAX_ATTEMPTS,
    // A bucket elsewhere says where it is.
    region: AWS_REGION ?? AWS_DEFAULT_REGION ?? "us-east-1",
    followRegionRedirects: true,
    // Other servers than AWS's seldom have a name for every bucket.
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
  };
}

async function credentialsOf(from: S3Client): Promise<object | undefined> {
  try {
    return await from.config.credentials();
  } catch (error) {
    // Found nowhere. A profile or role that is there but does not work is an error to be told.
    if ((error as Error).name === "CredentialsProviderError") return undefined;
    throw error;
  }
}
