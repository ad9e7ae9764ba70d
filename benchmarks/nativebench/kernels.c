// The kernels of kernels.py, as one would write them in C: unchecked, on plain pointers.
#include <math.h>
#include <stdint.h>

double integrate_square(double l, double r, int64_t n_steps) {
    double h = (r - l) / n_steps, result = 0.0;
    for (int64_t i = 0; i < n_steps; i++) {
        double x = l + i * h;
        result += x * x * h;
    }
    return result;
}

void mandelbrot(int64_t *counts, int64_t rows, int64_t columns, int64_t size, int64_t limit) {
    (void)rows;
    for (int64_t row = 0; row < size; row++)
        for (int64_t column = 0; column < size; column++) {
            double cx = 3.0 * column / size - 2.0, cy = 2.0 * row / size - 1.0, x = 0.0, y = 0.0;
            int64_t n = 0;
            while (n < limit && x * x + y * y <= 4.0) {
                double t = x * x - y * y + cx;
                y = 2.0 * x * y + cy;
                x = t;
                n++;
            }
            counts[row * columns + column] = n;
        }
}

double dot(const double *a, int64_t n, const double *b, int64_t m) {
    (void)m;
    double total = 0.0;
    for (int64_t i = 0; i < n; i++) total += a[i] * b[i];
    return total;
}

void saxpy(double k, const double *x, int64_t n, double *y, int64_t m) {
    (void)m;
    for (int64_t i = 0; i < n; i++) y[i] = k * x[i] + y[i];
}

void prefix_sum(const double *a, int64_t n, double *out, int64_t m) {
    (void)m;
    double total = 0.0;
    for (int64_t i = 0; i < n; i++) {
        total += a[i];
        out[i] = total;
    }
}

int64_t sieve(uint8_t *flags, int64_t n) {
    for (int64_t i = 0; i < n; i++) flags[i] = 1;
    flags[0] = flags[1] = 0;
    for (int64_t i = 2; i * i < n; i++)
        if (flags[i])
            for (int64_t j = i * i; j < n; j += i) flags[j] = 0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (flags[i]) count++;
    return count;
}

int64_t collatz(int64_t limit) {
    int64_t longest = 0;
    for (int64_t start = 1; start < limit; start++) {
        int64_t n = start, steps = 0;
        while (n != 1) {
            if (n % 2 == 0) n = n / 2;
            else n = 3 * n + 1;
            steps++;
        }
        if (steps > longest) longest = steps;
    }
    return longest;
}

void matmul(const double *a, int64_t n, int64_t m, const double *b, int64_t m2, int64_t p, double *c,
            int64_t n2, int64_t p2) {
    (void)m2, (void)n2, (void)p2;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < p; j++) c[i * p + j] = 0.0;
        for (int64_t k = 0; k < m; k++) {
            double t = a[i * m + k];
            for (int64_t j = 0; j < p; j++) c[i * p + j] += t * b[k * p + j];
        }
    }
}

int64_t levenshtein(const int64_t *s, int64_t ns, const int64_t *t, int64_t nt, int64_t *row, int64_t n) {
    (void)n;
    for (int64_t j = 0; j <= nt; j++) row[j] = j;
    for (int64_t i = 0; i < ns; i++) {
        int64_t diagonal = row[0];
        row[0] = i + 1;
        for (int64_t j = 0; j < nt; j++) {
            int64_t cost = diagonal + (s[i] != t[j]);
            diagonal = row[j + 1];
            int64_t best = diagonal + 1, left = row[j] + 1;
            if (left < best) best = left;
            if (cost < best) best = cost;
            row[j + 1] = best;
        }
    }
    return row[nt];
}

double monte_carlo_pi(int64_t n) {
    int64_t state = 12345, inside = 0;
    for (int64_t i = 0; i < n; i++) {
        state = (1103515245 * state + 12345) % 2147483648;
        double x = state / 2147483648.0;
        state = (1103515245 * state + 12345) % 2147483648;
        double y = state / 2147483648.0;
        if (x * x + y * y <= 1.0) inside++;
    }
    return 4.0 * inside / n;
}

void black_scholes(const double *price, int64_t n, const double *strike, int64_t n2, const double *years,
                   int64_t n3, double *out, int64_t n4) {
    (void)n2, (void)n3, (void)n4;
    double rate = 0.02, volatility = 0.3;
    for (int64_t i = 0; i < n; i++) {
        double root = volatility * sqrt(years[i]);
        double d1 =
            (log(price[i] / strike[i]) + (rate + 0.5 * volatility * volatility) * years[i]) / root;
        double d2 = d1 - root;
        double n1 = 0.5 * erfc(-d1 * 0.7071067811865476), n2 = 0.5 * erfc(-d2 * 0.7071067811865476);
        out[i] = price[i] * n1 - strike[i] * exp(-rate * years[i]) * n2;
    }
}

void histogram(const int64_t *values, int64_t n, int64_t *counts, int64_t m) {
    (void)m;
    for (int64_t i = 0; i < n; i++) counts[values[i]]++;
}

void convolution(const double *signal, int64_t n, const double *weights, int64_t m, double *out, int64_t k) {
    (void)k;
    for (int64_t i = 0; i < n - m + 1; i++) {
        double total = 0.0;
        for (int64_t j = 0; j < m; j++) total += signal[i + j] * weights[j];
        out[i] = total;
    }
}

void game_of_life(const uint8_t *w, int64_t rows, int64_t columns, uint8_t *after, int64_t r, int64_t c) {
    (void)r, (void)c;
    for (int64_t i = 1; i < rows - 1; i++)
        for (int64_t j = 1; j < columns - 1; j++) {
            const uint8_t *p = w + i * columns + j;
            int64_t n = p[-columns - 1] + p[-columns] + p[-columns + 1] + p[-1] + p[1] + p[columns - 1] +
                        p[columns] + p[columns + 1];
            after[i * columns + j] = n == 3 || (n == 2 && *p == 1);
        }
}

void spectral_norm(const double *u, int64_t n, double *v, int64_t m) {
    (void)m;
    for (int64_t i = 0; i < n; i++) {
        double total = 0.0;
        for (int64_t j = 0; j < n; j++) total += u[j] / ((i + j) * (i + j + 1) / 2 + i + 1);
        v[i] = total;
    }
}

void nbody(double *p, int64_t r1, int64_t c1, double *v, int64_t r2, int64_t c2, const double *mass, int64_t n,
           int64_t steps) {
    (void)r1, (void)c1, (void)r2, (void)c2;
    for (int64_t step = 0; step < steps; step++) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = i + 1; j < n; j++) {
                double dx = p[i * 3] - p[j * 3], dy = p[i * 3 + 1] - p[j * 3 + 1],
                       dz = p[i * 3 + 2] - p[j * 3 + 2];
                double square = dx * dx + dy * dy + dz * dz;
                double magnitude = 0.001 / (square * sqrt(square));
                double mi = mass[i] * magnitude, mj = mass[j] * magnitude;
                v[i * 3] -= dx * mj;
                v[i * 3 + 1] -= dy * mj;
                v[i * 3 + 2] -= dz * mj;
                v[j * 3] += dx * mi;
                v[j * 3 + 1] += dy * mi;
                v[j * 3 + 2] += dz * mi;
            }
        for (int64_t i = 0; i < n * 3; i++) p[i] += 0.001 * v[i];
    }
}
