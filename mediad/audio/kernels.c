/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mediad/audio/kernels.h"
#include <math.h>
#include <stddef.h>

static void scale_c(float *dst, const float *src, unsigned n, float from, float to)
{
    float step = n > 0 ? (to - from) / (float)n : 0;
    for (unsigned i = 0; i < n; i++)
        dst[i] = src[i] * (from + step * (float)(i + 1));
}

static void add_c(float *dst, const float *src, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        dst[i] += src[i];
}

static void subtract_c(float *dst, const float *a, const float *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        dst[i] = a[i] - b[i];
}

static float energy_c(const float *src, unsigned n)
{
    float sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += src[i] * src[i];
    return sum;
}

static float peak_c(const float *src, unsigned n)
{
    float peak = 0;
    for (unsigned i = 0; i < n; i++)
        peak = fmaxf(peak, fabsf(src[i]));
    return peak;
}

const MdKernels md_kernels_c = {"c", scale_c, add_c, subtract_c, energy_c, peak_c};

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))

AVX2 static void scale_avx2(float *dst, const float *src, unsigned n, float from, float to)
{
    float step = n > 0 ? (to - from) / (float)n : 0;
    __m256 base = _mm256_set1_ps(from), steps = _mm256_set1_ps(step);
    __m256 index = _mm256_setr_ps(1, 2, 3, 4, 5, 6, 7, 8), eight = _mm256_set1_ps(8);
    unsigned i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 gain = _mm256_add_ps(base, _mm256_mul_ps(steps, index));
        _mm256_storeu_ps(dst + i, _mm256_mul_ps(_mm256_loadu_ps(src + i), gain));
        index = _mm256_add_ps(index, eight);
    }
    for (; i < n; i++)
        dst[i] = src[i] * (from + step * (float)(i + 1));
}

AVX2 static void add_avx2(float *dst, const float *src, unsigned n)
{
    unsigned i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_add_ps(_mm256_loadu_ps(dst + i), _mm256_loadu_ps(src + i)));
    add_c(dst + i, src + i, n - i);
}

AVX2 static void subtract_avx2(float *dst, const float *a, const float *b, unsigned n)
{
    unsigned i = 0;
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(dst + i, _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
    subtract_c(dst + i, a + i, b + i, n - i);
}

AVX2 static float energy_avx2(const float *src, unsigned n)
{
    __m256 sum = _mm256_setzero_ps();
    float lanes[8], total = 0;
    unsigned i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_loadu_ps(src + i);
        sum = _mm256_add_ps(sum, _mm256_mul_ps(v, v));
    }
    _mm256_storeu_ps(lanes, sum);
    for (unsigned k = 0; k < 8; k++)
        total += lanes[k];
    return total + energy_c(src + i, n - i);
}

AVX2 static float peak_avx2(const float *src, unsigned n)
{
    __m256 peak = _mm256_setzero_ps(), sign = _mm256_set1_ps(-0.0f);
    float lanes[8], top = 0;
    unsigned i = 0;
    for (; i + 8 <= n; i += 8)
        peak = _mm256_max_ps(peak, _mm256_andnot_ps(sign, _mm256_loadu_ps(src + i)));
    _mm256_storeu_ps(lanes, peak);
    for (unsigned k = 0; k < 8; k++)
        top = fmaxf(top, lanes[k]);
    return fmaxf(top, peak_c(src + i, n - i));
}

static const MdKernels kernels_avx2 = {"avx2", scale_avx2, add_avx2, subtract_avx2, energy_avx2, peak_avx2};

const MdKernels *md_kernels_avx2(void)
{
    return __builtin_cpu_supports("avx2") ? &kernels_avx2 : NULL;
}
#else
const MdKernels *md_kernels_avx2(void)
{
    return NULL;
}
#endif

const MdKernels *md_kernels(void)
{
    const MdKernels *best = md_kernels_avx2();
    return best != NULL ? best : &md_kernels_c;
}
