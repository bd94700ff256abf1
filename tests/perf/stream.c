/* STREAM's copy and triad (McCalpin, 1995) over one thread's share of the arrays, and an update.
 *
 * `streaming` stores past the caches: no line is read only to be overwritten. Bytes are counted as
 * STREAM counts them, 2 arrays for copy and 3 for triad, whatever the processor moves besides. The
 * update is the triad with its first array as its second, a = a + scale * c: 3 arrays, of which the
 * caches fetch none that the loop does not read.
 */
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static void pass_avx(float *a, const float *b, const float *c,
                                                         float scale, int64_t n, int streaming)
{
    __m256 s = _mm256_set1_ps(scale);
    for (int64_t i = 0; i < n; i += 16) {
        __m256 x = _mm256_load_ps(b + i), y = _mm256_load_ps(b + i + 8);
        if (c) {
            x = _mm256_fmadd_ps(s, _mm256_load_ps(c + i), x);
            y = _mm256_fmadd_ps(s, _mm256_load_ps(c + i + 8), y);
        }
        if (streaming) {
            _mm256_stream_ps(a + i, x);
            _mm256_stream_ps(a + i + 8, y);
        } else {
            _mm256_store_ps(a + i, x);
            _mm256_store_ps(a + i + 8, y);
        }
    }
    if (streaming) _mm_sfence();
}

int can_stream(void) { return 1; }
#else
static void pass_avx(float *a, const float *b, const float *c, float scale, int64_t n, int streaming)
{
    (void)streaming;
    if (c)
        for (int64_t i = 0; i < n; i++) a[i] = b[i] + scale * c[i];
    else
        for (int64_t i = 0; i < n; i++) a[i] = b[i];
}

int can_stream(void) { return 0; }
#endif

/* a = b (c null) or a = b + scale * c; n a multiple of 16, arrays aligned to 64 bytes */
void pass(float *a, const float *b, const float *c, float scale, int64_t n, int streaming)
{
    pass_avx(a, b, c, scale, n, streaming);
}
