declare { i64, i1 } @llvm.sadd.with.overflow.i64(i64, i64)
declare { i64, i1 } @llvm.ssub.with.overflow.i64(i64, i64)
declare { i64, i1 } @llvm.smul.with.overflow.i64(i64, i64)
declare i64 @llvm.abs.i64(i64, i1)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.fptosi.sat.i64.f64(double)
declare double @llvm.sqrt.f64(double)
declare double @llvm.fabs.f64(double)
declare double @llvm.floor.f64(double)
declare double @llvm.ceil.f64(double)
declare double @llvm.rint.f64(double)
declare double @llvm.fma.f64(double, double, double)
declare double @llvm.copysign.f64(double, double)
declare ptr @llvm.frameaddress.p0(i32)

; The C library's, as CPython calls them; errno is not looked at.
declare double @pow(double, double) #0
declare double @fmod(double, double) #0
declare double @atan2(double, double) #0
declare double @exp(double) #0
declare double @exp2(double) #0
declare double @expm1(double) #0
declare double @log(double) #0
declare double @log2(double) #0
declare double @log10(double) #0
declare double @log1p(double) #0
declare double @sin(double) #0
declare double @cos(double) #0
declare double @tan(double) #0
declare double @asin(double) #0
declare double @acos(double) #0
declare double @atan(double) #0
declare double @sinh(double) #0
declare double @cosh(double) #0
declare double @tanh(double) #0
declare double @asinh(double) #0
declare double @acosh(double) #0
declare double @atanh(double) #0
declare double @erf(double) #0
declare double @erfc(double) #0
declare double @cbrt(double) #0
declare double @hypot(double, double) #0
declare void @ungil_complex_quotient(double, double, double, double, i64, ptr) #7
declare void @ungil_complex_real_quotient(double, double, double, ptr) #7
declare void @ungil_complex_product_of_nans(double, double, double, double, ptr) #7

declare double @ungil_divide_ints(i64, i64) #0
declare i32 @ungil_poll(ptr, i32) #1
declare void @ungil_raise(ptr, i32, i64, i64) #2
declare void @ungil_raise_floats(ptr, i32, double, double) #2
declare void @ungil_raise_words(ptr, i32, ptr) #2
declare void @ungil_pass(ptr, i32) #2
declare i32 @ungil_deferred(ptr, i32, ptr, i32) #6
declare i32 @ungil_prange(ptr, ptr, i32) #5
declare i32 @ungil_fold(i64, i64, ptr, ptr, ptr) #5
declare i32 @ungil_routine(i64, ptr, i64, ptr) #5
declare i64 @ungil_stream_begin(ptr, i64, i64) #5
declare i64 @ungil_stream_next(ptr, ptr, i64) #5
declare i32 @ungil_stream_end(ptr, ptr) #5
declare i32 @ungil_meets(ptr, i64) #5
declare void @ungil_copy(ptr) #5

declare i32 @ungil_text_compare(ptr, i64, ptr, i64, i64) #8
declare i32 @ungil_text_find(ptr, i64, ptr, i64, i64) #8
declare i32 @memcmp(ptr, ptr, i64) #8

; A list's head: address of the items 0, length 8, capacity 16, references 24.
declare noalias ptr @ungil_list_new(ptr, i64, i64, i64) #5
declare i32 @ungil_list_grow(ptr, i64) #6
declare void @ungil_list_free(ptr) #6
declare void @llvm.memmove.p0.p0.i64(ptr, ptr, i64, i1)

; One reference more, if there is a list.
define internal void @ungil.retain(ptr %list) #5 {
  %some = icmp ne ptr %list, null
  br i1 %some, label %held, label %done
held:
  %place = getelementptr inbounds i8, ptr %list, i64 24
  %references = load i64, ptr %place, !tbaa !3
  %more = add i64 %references, 1
  store i64 %more, ptr %place, !tbaa !3
  br label %done
done:
  ret void
}

; One reference less, if there is a list (or an array's memory, which is one); the last one frees it.
define internal void @ungil.release(ptr %list) #5 {
  %some = icmp ne ptr %list, null
  br i1 %some, label %held, label %done
held:
  %place = getelementptr inbounds i8, ptr %list, i64 24
  %references = load i64, ptr %place, !tbaa !3
  %less = sub i64 %references, 1
  store i64 %less, ptr %place, !tbaa !3
  %last = icmp eq i64 %less, 0
  br i1 %last, label %free, label %done
free:
  call void @ungil_list_free(ptr %list)
  br label %done
done:
  ret void
}

; x % y of floats, y not zero: the result has the sign of y.
define internal double @ungil.fmod(double %x, double %y) #3 {
  %mod = call double @fmod(double %x, double %y) #4
  %some = fcmp une double %mod, 0.0
  %yneg = fcmp olt double %y, 0.0
  %mneg = fcmp olt double %mod, 0.0
  %differ = xor i1 %yneg, %mneg
  %moved = fadd double %mod, %y
  %adjusted = select i1 %differ, double %moved, double %mod
  %zero = call double @llvm.copysign.f64(double 0.0, double %y)
  %result = select i1 %some, double %adjusted, double %zero
  ret double %result
}

; x // y of floats, y not zero.
define internal double @ungil.ffloordiv(double %x, double %y) #3 {
  %mod = call double @fmod(double %x, double %y) #4
  %difference = fsub double %x, %mod
  %quotient = fdiv double %difference, %y
  %some = fcmp une double %mod, 0.0
  %yneg = fcmp olt double %y, 0.0
  %mneg = fcmp olt double %mod, 0.0
  %differ = xor i1 %yneg, %mneg
  %down = and i1 %some, %differ
  %less = fsub double %quotient, 1.0
  %div = select i1 %down, double %less, double %quotient
  %nonzero = fcmp une double %div, 0.0
  %floor = call double @llvm.floor.f64(double %div)
  %rest = fsub double %div, %floor
  %up = fcmp ogt double %rest, 0.5
  %next = fadd double %floor, 1.0
  %rounded = select i1 %up, double %next, double %floor
  %plain = fdiv double %x, %y
  %zero = call double @llvm.copysign.f64(double 0.0, double %plain)
  %result = select i1 %nonzero, double %rounded, double %zero
  ret double %result
}

; The same of floats of 32 bits: each step is rounded to them.
define internal double @ungil.ffloordiv32(double %x, double %y) #3 {
  %mod = call double @fmod(double %x, double %y) #4
  %exact = fsub double %x, %mod
  %difference = fptrunc double %exact to float
  %divisor = fptrunc double %y to float
  %quotient = fdiv float %difference, %divisor
  %some = fcmp une double %mod, 0.0
  %yneg = fcmp olt double %y, 0.0
  %mneg = fcmp olt double %mod, 0.0
  %differ = xor i1 %yneg, %mneg
  %down = and i1 %some, %differ
  %less = fsub float %quotient, 1.0
  %short = select i1 %down, float %less, float %quotient
  %div = fpext float %short to double
  %nonzero = fcmp une double %div, 0.0
  %floor = call double @llvm.floor.f64(double %div)
  %rest = fsub double %div, %floor
  %up = fcmp ogt double %rest, 0.5
  %next = fadd double %floor, 1.0
  %rounded = select i1 %up, double %next, double %floor
  %plain = fdiv double %x, %y
  %zero = call double @llvm.copysign.f64(double 0.0, double %plain)
  %result = select i1 %nonzero, double %rounded, double %zero
  ret double %result
}

; base ** exponent of ints, exponent not negative, and whether it overflowed.
define internal { i64, i1 } @ungil.ipow(i64 %base, i64 %exponent) #5 {
entry:
  br label %head
head:
  %b = phi i64 [ %base, %entry ], [ %b2, %next ]
  %e = phi i64 [ %exponent, %entry ], [ %e2, %next ]
  %r = phi i64 [ 1, %entry ], [ %r2, %next ]
  %o = phi i1 [ false, %entry ], [ %o3, %next ]
  %more = icmp ne i64 %e, 0
  br i1 %more, label %body, label %done
body:
  %bit = and i64 %e, 1
  %odd = icmp ne i64 %bit, 0
  %product = call { i64, i1 } @llvm.smul.with.overflow.i64(i64 %r, i64 %b)
  %pv = extractvalue { i64, i1 } %product, 0
  %po = extractvalue { i64, i1 } %product, 1
  %r2 = select i1 %odd, i64 %pv, i64 %r
  %po2 = select i1 %odd, i1 %po, i1 false
  %o2 = or i1 %o, %po2
  %e2 = lshr i64 %e, 1
  %square = call { i64, i1 } @llvm.smul.with.overflow.i64(i64 %b, i64 %b)
  %b2 = extractvalue { i64, i1 } %square, 0
  %so = extractvalue { i64, i1 } %square, 1
  %needed = icmp ne i64 %e2, 0
  %so2 = select i1 %needed, i1 %so, i1 false
  %o3 = or i1 %o2, %so2
  br label %next
next:
  br label %head
done:
  %first = insertvalue { i64, i1 } poison, i64 %r, 0
  %both = insertvalue { i64, i1 } %first, i1 %o, 1
  ret { i64, i1 } %both
}

attributes #0 = { nounwind willreturn memory(none) }
attributes #1 = { cold nounwind memory(argmem: readwrite, inaccessiblemem: readwrite) }
attributes #2 = { cold nounwind willreturn memory(argmem: readwrite) }
attributes #3 = { nounwind alwaysinline }
attributes #4 = { nobuiltin }
attributes #5 = { nounwind }
attributes #6 = { cold nounwind }
attributes #7 = { nounwind willreturn memory(argmem: write) }
attributes #8 = { nounwind willreturn memory(argmem: read) }
!0 = !{!"branch_weights", i32 1000000, i32 1}
; A write to an item changes no list's head.
!1 = !{!"ungil"}
!2 = !{!"head", !1, i64 0}
!3 = !{!2, !2, i64 0}
!4 = !{!"item", !1, i64 0}
!5 = !{!4, !4, i64 0}

!10 = !{}
!11 = distinct !{!11, !12, !13}
!12 = !{!"llvm.loop.unroll.disable"}
!13 = !{!"llvm.loop.vectorize.enable", i1 false}
; Loops with few rounds, always as many.
!14 = distinct !{!14, !15}
!15 = !{!"llvm.loop.unroll.full"}
