/** What is used of the codec; it brings no types of its own. */
declare module "@cornerstonejs/codec-openjph" {
  export interface FrameInfo {
    width: number;
    height: number;
    bitsPerSample: number;
    componentCount: number;
    isSigned: boolean;
    isUsingColorTransform: boolean;
  }

  export interface HTJ2KDecoder {
    /** Room for a codestream of so many bytes, in the memory of the codec. */
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getFrameInfo(): FrameInfo;
    /** Pixels in the memory of the codec, valid until it decodes again. */
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }

  export interface HTJ2KEncoder {
    getDecodedBuffer(info: FrameInfo): Uint8Array;
    setQuality(reversible: boolean, quantization: number): void;
    encode(): void;
    getEncodedBuffer(): Uint8Array;
    delete(): void;
  }

  export interface Codec {
    HTJ2KDecoder: new () => HTJ2KDecoder;
    HTJ2KEncoder: new () => HTJ2KEncoder;
  }

  export default function createCodec(options?: {
    locateFile?: (name: string) => string;
    print?: (line: string) => void;
    printErr?: (line: string) => void;
  }): Promise<Codec>;
}

declare module "@cornerstonejs/codec-openjph/wasm?url" {
  const address: string;
  export default address;
}
