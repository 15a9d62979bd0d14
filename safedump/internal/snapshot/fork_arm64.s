//go:build linux

#include "go_asm.h"
#include "textflag.h"

// Numbers of system calls (include/uapi/asm-generic/unistd.h).
#define SYS_read 63
#define SYS_write 64
#define SYS_exit_group 94
#define SYS_rt_sigprocmask 135
#define SYS_clone 220

#define SIG_SETMASK 2

// Places in struct user_pt_regs (arch/arm64/include/uapi/asm/ptrace.h).
#define REG(n) (area_regs+8*n)

// func fork(a *area) int
//
// The registers written down are those at the return to the caller; see
// fork_amd64.s.
TEXT ·fork(SB), NOSPLIT|NOFRAME, $0-16
	MOVD a+0(FP), R9
	MOVD R0, REG(0)(R9)
	MOVD R1, REG(1)(R9)
	MOVD R2, REG(2)(R9)
	MOVD R3, REG(3)(R9)
	MOVD R4, REG(4)(R9)
	MOVD R5, REG(5)(R9)
	MOVD R6, REG(6)(R9)
	MOVD R7, REG(7)(R9)
	MOVD R8, REG(8)(R9)
	MOVD R9, REG(9)(R9)
	MOVD R10, REG(10)(R9)
	MOVD R11, REG(11)(R9)
	MOVD R12, REG(12)(R9)
	MOVD R13, REG(13)(R9)
	MOVD R14, REG(14)(R9)
	MOVD R15, REG(15)(R9)
	MOVD R16, REG(16)(R9)
	MOVD R17, REG(17)(R9)
	MOVD R18_PLATFORM, REG(18)(R9)
	MOVD R19, REG(19)(R9)
	MOVD R20, REG(20)(R9)
	MOVD R21, REG(21)(R9)
	MOVD R22, REG(22)(R9)
	MOVD R23, REG(23)(R9)
	MOVD R24, REG(24)(R9)
	MOVD R25, REG(25)(R9)
	MOVD R26, REG(26)(R9)
	MOVD R27, REG(27)(R9)
	MOVD g, REG(28)(R9)
	MOVD R29, REG(29)(R9)
	MOVD R30, REG(30)(R9)
	MOVD RSP, R10
	MOVD R10, REG(31)(R9) // sp
	MOVD R30, REG(32)(R9) // pc
	MOVD NZCV, R10
	MOVD R10, REG(33)(R9) // pstate
	MOVD ZR, area_fsErr(R9)
	MOVD R9, R19

	MOVD $SIG_SETMASK, R0
	ADD $area_all, R19, R1
	ADD $area_old, R19, R2
	MOVD $8, R3
	MOVD $SYS_rt_sigprocmask, R8
	SVC
	CBNZ R0, fail

	MOVD ZR, R0 // no CLONE_VM, no exit signal
	MOVD ZR, R1 // the same stack pointer
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD ZR, R4
	MOVD $SYS_clone, R8
	SVC
	CBZ R0, image

	MOVD R0, R20
	MOVD $SIG_SETMASK, R0
	ADD $area_old, R19, R1
	MOVD ZR, R2
	MOVD $8, R3
	MOVD $SYS_rt_sigprocmask, R8
	SVC
	MOVD R20, R0
fail:
	MOVD R0, ret+8(FP)
	RET
image:
	JMP ·serve(SB)

// serve is the life of the image: R19 is the shared memory. It uses no stack,
// calls nothing, and ends when the parent's pipe does.
TEXT ·serve(SB), NOSPLIT|NOFRAME, $0-0
batch:
	MOVD area_count(R19), R20
	ADD $area_ops, R19, R21
	MOVD ZR, R22
next:
	CMP R20, R22
	BGE reply
	MOVD (op_args+0)(R21), R0
	MOVD (op_args+8)(R21), R1
	MOVD (op_args+16)(R21), R2
	MOVD (op_args+24)(R21), R3
	MOVD (op_args+32)(R21), R4
	MOVD (op_args+40)(R21), R5
	MOVD op_nr(R21), R8
	SVC
	MOVD R0, op_ret(R21)
	MOVD op_check(R21), R9
	CBZ R9, good
	MOVD op_want(R21), R9
	CMP R9, R0
	BNE reply
good:
	ADD $op__size, R21, R21
	ADD $1, R22, R22
	B next
reply:
	MOVD R22, area_done(R19)
	MOVD area_resp(R19), R0
	ADD $area_token, R19, R1
	MOVD $1, R2
	MOVD $SYS_write, R8
	SVC
	CMP $1, R0
	BNE end
	MOVD area_ctl(R19), R0
	ADD $area_token, R19, R1
	MOVD $1, R2
	MOVD $SYS_read, R8
	SVC
	CMP $1, R0
	BEQ batch
end:
	MOVD ZR, R0
	MOVD $SYS_exit_group, R8
	SVC
	B end
