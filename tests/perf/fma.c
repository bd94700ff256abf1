/* Multiply-adds from registers to registers: the rate that no library can exceed on one core.
 *
 * Each function runs `rounds` rounds of independent accumulator chains and gives their sum, so
 * that nothing is left out. Operations of one round are given by the *_per_round functions
 * (a multiply-add is two), 0 where this processor lacks the instruction.
 */
#include <stdint.h>

#define CHAINS 12 /* above latency x issue width of every processor known: 4-5 cycles x 2 */
#define REPEAT_CHAINS(STEP) \
    STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static double fp32_avx512(int64_t rounds, volatile float *seed)
{
    __m512 a = _mm512_set1_ps(seed[0]), b = _mm512_set1_ps(seed[1]), c[CHAINS];
    for (int i = 0; i < CHAINS; i++) c[i] = _mm512_set1_ps(seed[0] + (float)i);
    for (int64_t r = 0; r < rounds; r++) {
#define STEP(i) c[i] = _mm512_fmadd_ps(c[i], a, b);
        REPEAT_CHAINS(STEP)
#undef STEP
    }
    double sum = 0;
    for (int i = 0; i < CHAINS; i++) sum += _mm512_reduce_add_ps(c[i]);
    return sum;
}

__attribute__((target("avx2,fma"))) static double fp32_avx2(int64_t rounds, volatile float *seed)
{
    __m256 a = _mm256_set1_ps(seed[0]), b = _mm256_set1_ps(seed[1]), c[CHAINS];
    for (int i = 0; i < CHAINS; i++) c[i] = _mm256_set1_ps(seed[0] + (float)i);
    for (int64_t r = 0; r < rounds; r++) {
#define STEP(i) c[i] = _mm256_fmadd_ps(c[i], a, b);
        REPEAT_CHAINS(STEP)
#undef STEP
    }
    float kept[8];
    double sum = 0;
    for (int i = 0; i < CHAINS; i++) {
        _mm256_storeu_ps(kept, c[i]);
        for (int j = 0; j < 8; j++) sum += kept[j];
    }
    return sum;
}

__attribute__((target("avx512f,avx512bf16"))) static double bf16_avx512(int64_t rounds,
                                                                       volatile float *seed)
{
    __m512 value = _mm512_set1_ps(seed[0]), c[CHAINS];
    __m512bh a = _mm512_cvtne2ps_pbh(value, value);
    for (int i = 0; i < CHAINS; i++) c[i] = _mm512_set1_ps((float)i);
    for (int64_t r = 0; r < rounds; r++) {
#define STEP(i) c[i] = _mm512_dpbf16_ps(c[i], a, a);
        REPEAT_CHAINS(STEP)
#undef STEP
    }
    double sum = 0;
    for (int i = 0; i < CHAINS; i++) sum += _mm512_reduce_add_ps(c[i]);
    return sum;
}

__attribute__((target("avx512f,avx512vnni"))) static double int8_avx512(int64_t rounds,
                                                                       volatile float *seed)
{
    __m512i a = _mm512_set1_epi8((char)(1 + (int)seed[1])), c[CHAINS];
    for (int i = 0; i < CHAINS; i++) c[i] = _mm512_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++) {
#define STEP(i) c[i] = _mm512_dpbusd_epi32(c[i], a, a);
        REPEAT_CHAINS(STEP)
#undef STEP
    }
    double sum = 0;
    for (int i = 0; i < CHAINS; i++) sum += _mm512_reduce_add_epi32(c[i]);
    return sum;
}

int fp32_per_round(void)
{
    if (__builtin_cpu_supports("avx512f")) return 2 * 16 * CHAINS;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? 2 * 8 * CHAINS : 0;
}
int bf16_per_round(void) { return __builtin_cpu_supports("avx512bf16") ? 2 * 32 * CHAINS : 0; }
int int8_per_round(void) { return __builtin_cpu_supports("avx512vnni") ? 2 * 64 * CHAINS : 0; }

double fp32(int64_t rounds, volatile float *seed)
{
    return __builtin_cpu_supports("avx512f") ? fp32_avx512(rounds, seed) : fp32_avx2(rounds, seed);
}
double bf16(int64_t rounds, volatile float *seed) { return bf16_avx512(rounds, seed); }
double int8(int64_t rounds, volatile float *seed) { return int8_avx512(rounds, seed); }

#elif defined(__aarch64__)
#include <arm_neon.h>

double fp32(int64_t rounds, volatile float *seed)
{
    float32x4_t a = vdupq_n_f32(seed[0]), b = vdupq_n_f32(seed[1]), c[2 * CHAINS];
    for (int i = 0; i < 2 * CHAINS; i++) c[i] = vdupq_n_f32((float)i);
    for (int64_t r = 0; r < rounds; r++) {
#define STEP(i) c[i] = vfmaq_f32(c[i], a, b); c[CHAINS + i] = vfmaq_f32(c[CHAINS + i], a, b);
        REPEAT_CHAINS(STEP)
#undef STEP
    }
    double sum = 0;
    for (int i = 0; i < 2 * CHAINS; i++) sum += vaddvq_f32(c[i]);
    return sum;
}
int fp32_per_round(void) { return 2 * 4 * 2 * CHAINS; }
int bf16_per_round(void) { return 0; }
int int8_per_round(void) { return 0; }
double bf16(int64_t rounds, volatile float *seed) { return 0 * rounds * seed[0]; }
double int8(int64_t rounds, volatile float *seed) { return 0 * rounds * seed[0]; }

#else
#error "no multiply-add loop is written for this processor"
#endif
